"""Algorithm 2 written a second time, in plain numpy and float64: one run, one message and one agent at a time.

It shares no code with the product but is fed the same random draws, so that the iterates must agree.
"""

from dataclasses import dataclass, field

import numpy as np


def sum_rate_parts(gain, power, noise):
    """Rates (m,) of one slot."""
    m = len(power)
    rates = np.zeros(m)
    for i in range(m):
        interference = sum(gain[i, j] * power[j] for j in range(m) if j != i)
        rates[i] = np.log2(1 + gain[i, i] * power[i] / (noise + interference))
    return rates


def network_output(theta, inputs, hidden, p_max):
    """One agent's power for inputs (K,)."""
    sizes, at, x = [len(inputs), *hidden, 1], 0, np.asarray(inputs, float)
    for layer in range(len(sizes) - 1):
        fan_in, fan_out = sizes[layer], sizes[layer + 1]
        weights = theta[at : at + fan_in * fan_out].reshape(fan_in, fan_out)
        at += fan_in * fan_out
        x = x @ weights + theta[at : at + fan_out]
        at += fan_out
        if layer < len(sizes) - 2:
            x = np.maximum(x, 0)
    return p_max / (1 + np.exp(-x[0]))


@dataclass
class Agent:
    """What one transmitter holds."""

    theta: np.ndarray
    heard: dict = field(default_factory=dict)  # l -> (time, query)
    perturbations: dict = field(default_factory=dict)  # time -> u


def run(
    *, theta, gains, features, perturbations, queries, updates, transmits, delays, links, mu, batch, step, decay, memory, p_max,
    noise, hidden, relay, common_noise=False, perturb_sleeping=True, cooperative=True,
):  # fmt: skip
    """The parameters (m, n) after each iteration.

    gains (slots, m, m) and features (slots, m, K) in the order in which they are used; perturbations[t] (m, n);
    queries[t], updates[t] (m,) bool; transmits[t] (m, m) bool and delays[t] (m, m), [sender, receiver].
    """
    m = len(theta)
    agents = [Agent(row.astype(float)) for row in theta]
    travelling, history, slot = [], [], 0
    for t in range(len(perturbations)):
        for i, agent in enumerate(agents):
            agent.perturbations[t] = perturbations[t][i] * (1.0 if perturb_sleeping or updates[t][i] else 0.0)
            for old in [time for time in agent.perturbations if time <= t - memory]:
                del agent.perturbations[old]
        means = []
        for perturbed in (False, True):
            total = np.zeros(m)
            for b in range(batch):
                at = slot + b + (batch if perturbed and not common_noise else 0)
                power = np.zeros(m)
                for i, agent in enumerate(agents):
                    parameters = agent.theta + mu * agent.perturbations[t] if perturbed else agent.theta
                    power[i] = network_output(parameters, features[at, i], hidden, p_max)
                total += sum_rate_parts(gains[at].astype(float), power, noise)
            means.append(total / batch)
        slot += batch if common_noise else 2 * batch
        for i in range(m):
            if queries[t][i]:
                # F is a cost, minus the utility: r = (1 / (mu m B)) sum (F(theta) - F(theta + mu u))
                agents[i].heard[i] = (t, (-means[0][i] - -means[1][i]) / (mu * m))
        arriving = [message for message in travelling if message[0] == t]
        travelling = [message for message in travelling if message[0] > t]
        sent_now = [
            (t + delays[t][i, j], i, j)
            for i in range(m)
            for j in range(m)
            if cooperative and links[i, j] and transmits[t][i, j] and (relay or queries[t][i])
        ]
        for _, contents, j in arriving:
            _take(agents[j], contents)
        at_once = [(j, _contents(agents[i], i, relay)) for arrival, i, j in sent_now if arrival == t]
        for j, contents in at_once:
            _take(agents[j], contents)
        travelling += [(arrival, _contents(agents[i], i, relay), j) for arrival, i, j in sent_now if arrival > t]
        for i, agent in enumerate(agents):
            if updates[t][i]:
                direction = sum(
                    (query * agent.perturbations[time] for time, query in agent.heard.values() if time in agent.perturbations),
                    np.zeros_like(agent.theta),
                )
                agent.theta = agent.theta + step / (t + 1) ** decay * direction
        history.append(np.stack([agent.theta for agent in agents]))
    return history


def _contents(agent, sender, relay):
    return dict(agent.heard) if relay else {sender: agent.heard[sender]}


def _take(agent, contents):
    for source, (time, query) in contents.items():
        if source not in agent.heard or agent.heard[source][0] < time:
            agent.heard[source] = (time, query)
