"""PARS-Push and SGP once more: one run, dicts and loops, from the paper's pseudo-code, sharing no code with trainers."""

from dataclasses import dataclass

import numpy as np

from wirelessenv.messages.activity import Trials
from wirelessenv.messages.knowledge import message_graphs
from wirelessenv.streams import stream


@dataclass
class Fates:
    """What happens to whom: awake[t][i]; of what i sends to j in tick t, sent[t][i, j], arrives[t][i, j], delay[t][i, j]."""

    graph: np.ndarray
    awake: np.ndarray
    sent: np.ndarray
    arrives: np.ndarray
    delay: np.ndarray


def fates(messaging, nodes, seed, ticks):
    """All ticks in one draw, from the streams that `Messaging` names everywhere."""
    graph = message_graphs(messaging, nodes, [seed])[0]
    awake = Trials(messaging.activity.update, [seed], "update", (nodes,)).draw(ticks)
    may_send = np.repeat(awake[..., None], nodes, axis=-1)
    transmits = Trials(messaging.activity.transmit, [seed], "transmit", (nodes, nodes)).draw(ticks, where=may_send)
    sent = graph & may_send & transmits
    arrives = sent & Trials(messaging.links.loss.arrival(), [seed], "loss", (nodes, nodes)).draw(ticks, where=sent)
    delay = np.broadcast_to(messaging.links.delay.draw([stream(seed, "delay")], ticks, nodes), arrives.shape)
    return Fates(graph, awake[:, 0], sent[:, 0], arrives[:, 0], delay[:, 0])


def row_gradient(rows, ridge, z):
    """The gradient of the mean of (b - a'z)^2 + ridge ||z||^2 / 2 over rows (a, b), row by row."""
    total = np.zeros_like(z)
    for row in rows:
        a, b = row[:-1], row[-1]
        total += -2 * (b - a @ z) * a
    return total / len(rows) + ridge * z


def row_hessian(rows, ridge):
    total = ridge * np.eye(rows.shape[1] - 1)
    for row in rows:
        total += 2 / len(rows) * np.outer(row[:-1], row[:-1])
    return total


def pars_push(fate, batches, ridge, size, *, steps, inner_steps, inner_step_size):
    """z_i after every tick, (ticks, n, d); batches[t][r][i] are rows (a, b), steps[t] is theta(t)."""
    n = len(fate.graph)
    neighbours = {i: [j for j in range(n) if fate.graph[i, j]] for i in range(n)}
    x, y = {i: np.zeros(size) for i in range(n)}, dict.fromkeys(range(n), 1.0)
    phi_x, phi_y = {i: np.zeros(size) for i in range(n)}, dict.fromkeys(range(n), 0.0)
    kappa, z = dict.fromkeys(range(n), -1), {i: np.zeros(size) for i in range(n)}
    kappa_ij = {(j, i): -1 for j in range(n) for i in neighbours[j]}
    rho_x = {link: np.zeros(size) for link in kappa_ij}
    rho_y = dict.fromkeys(kappa_ij, 0.0)
    flying, history = [], []  # (tick of arrival, receiver, sender, phi_x, phi_y, kappa)
    for t in range(len(fate.awake)):
        for i in (i for i in range(n) if fate.awake[t][i]):
            eta = sum(steps[r] for r in range(kappa[i] + 1, t + 1))
            w, product = z[i], np.eye(size)
            for r in range(inner_steps):
                product = product @ (np.eye(size) - inner_step_size * row_hessian(batches[t][r][i], ridge))
                w = w - inner_step_size * row_gradient(batches[t][r][i], ridge, w)
            x[i] = x[i] - eta * product @ row_gradient(batches[t][inner_steps][i], ridge, w)
            kappa[i] = t
            x[i], y[i] = x[i] / (len(neighbours[i]) + 1), y[i] / (len(neighbours[i]) + 1)
            phi_x[i], phi_y[i] = phi_x[i] + x[i], phi_y[i] + y[i]
            lucky = [j for j in neighbours[i] if fate.arrives[t][i, j]]
            flying += [(t + fate.delay[t][i, j], j, i, phi_x[i], phi_y[i], t) for j in lucky]
        for i in (i for i in range(n) if fate.awake[t][i]):
            here = [message for message in flying if message[0] <= t and message[1] == i]
            flying = [message for message in flying if not (message[0] <= t and message[1] == i)]
            star_x, star_y = dict(rho_x), dict(rho_y)
            for _, _, j, their_phi_x, their_phi_y, their_kappa in here:
                if their_kappa > kappa_ij[j, i]:
                    star_x[j, i], star_y[j, i], kappa_ij[j, i] = their_phi_x, their_phi_y, their_kappa
            for j, to in kappa_ij:
                if to == i:
                    x[i] = x[i] + star_x[j, i] - rho_x[j, i]
                    y[i] = y[i] + star_y[j, i] - rho_y[j, i]
            rho_x, rho_y = star_x, star_y
            z[i] = x[i] / y[i]
        history.append([z[i] for i in range(n)])
    return np.array(history)


def sgp(fate, batches, ridge, size, *, steps):
    """z_i after every tick, (ticks, n, d); what is lost is gone."""
    n = len(fate.graph)
    x, y = {i: np.zeros(size) for i in range(n)}, dict.fromkeys(range(n), 1.0)
    flying, history = [], []
    for t in range(len(fate.awake)):
        for i in (i for i in range(n) if fate.awake[t][i]):
            x[i] = x[i] - steps[t] * row_gradient(batches[t][0][i], ridge, x[i] / y[i])
            chosen = [j for j in range(n) if fate.sent[t][i, j]]
            x[i], y[i] = x[i] / (len(chosen) + 1), y[i] / (len(chosen) + 1)
            flying += [(t + fate.delay[t][i, j], j, x[i], y[i]) for j in chosen if fate.arrives[t][i, j]]
        for i in (i for i in range(n) if fate.awake[t][i]):
            for _, _, part_x, part_y in [part for part in flying if part[0] <= t and part[1] == i]:
                x[i], y[i] = x[i] + part_x, y[i] + part_y
            flying = [part for part in flying if not (part[0] <= t and part[1] == i)]
        history.append([x[i] / y[i] for i in range(n)])
    return np.array(history)
