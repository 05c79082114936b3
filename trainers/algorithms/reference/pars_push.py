"""PARS-Push, Algorithm 1 of Toghani et al. (2023), as a plain loop over nodes, links and messages.

The listing is at the head of `trainers.algorithms.pars_push`; its line numbers are here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainers.algorithms.reference.draws import MessageDraws
from trainers.problems.objective import NumpyArray, Objective


def pars_push(
    problem: Objective, draws: MessageDraws,
    *, step_sizes: Sequence[float], inner_steps: int, inner_step_size: float, batches: Sequence[Any] | None = None,
    meta_gradient: str = "unbiased",
) -> NumpyArray:  # fmt: skip
    """Run PARS-Push; all x_i begin at 0.

    Args:
        problem: the costs f_1 ... f_n, with Hessian products if u > 0.
        draws: who wakes up (`updates`), and what arrives.
        step_sizes: theta(0), theta(1), ...
        inner_steps: u.
        inner_step_size: alpha.
        batches: D_ir of tick t is batches[t][r][i], r = 0 ... u; None: exact gradients. With "one_batch", r = 0 alone is
            looked at; with "separate_hessians", r = u + 1 ... 2 u are the batches of the Hessians.
        meta_gradient: line 11's, or another.

    Returns:
        z_i after each tick, (ticks, n, d).
    """
    n, d, u, alpha = problem.clients, problem.size, inner_steps, inner_step_size
    neighbours = [np.flatnonzero(row).tolist() for row in draws.graph]
    links = [(i, j) for j in range(n) for i in neighbours[j]]  # from j to i
    x, y, z = np.zeros((n, d)), np.ones(n), np.zeros((n, d))  # 1
    phi_x, phi_y, kappa = np.zeros((n, d)), np.zeros(n), [-1] * n
    rho_x, rho_y = {link: np.zeros(d) for link in links}, dict.fromkeys(links, 0.0)
    kappa_from = dict.fromkeys(links, -1)
    travelling: list[tuple[int, int, int, NumpyArray, float, int]] = []  # (tick of arrival, i, j, phi_j^x, phi_j^y, kappa_j)
    history = []
    for t in range(len(step_sizes)):  # 2
        awake = [i for i in range(n) if draws.updates[t, i]]  # 3
        for i in awake:
            eta = sum(step_sizes[kappa[i] + 1 : t + 1])  # 4
            batch = [None] * (2 * u + 1) if batches is None else [one[i] for one in batches[t]]
            hessian = batch[u + 1 :] if meta_gradient == "separate_hessians" else batch[:u]
            if meta_gradient == "one_batch":
                batch, hessian = batch[:1] * (u + 1), batch[:1] * u
            w = [z[i]]  # 5
            for r in range(u):  # 6, 7
                w.append(w[r] - alpha * problem.gradient(i, w[r], batch[r]))  # 8
            product = problem.gradient(i, w[u], batch[u])  # 10
            for r in reversed(range(0 if meta_gradient == "first_order" else u)):
                product = product - alpha * problem.hessian_product(i, w[r], product, hessian[r])
            x[i] = x[i] - eta * product  # 11
            kappa[i] = t  # 12
            x[i], y[i] = x[i] / (len(neighbours[i]) + 1), y[i] / (len(neighbours[i]) + 1)  # 13
            phi_x[i], phi_y[i] = phi_x[i] + x[i], phi_y[i] + y[i]  # 14
            lucky = [j for j in neighbours[i] if draws.arrives[t, i, j]]
            travelling += [(t + int(draws.delay[t, i, j]), j, i, phi_x[i].copy(), phi_y[i], t) for j in lucky]  # 15
        for i in awake:
            new_x = {link: rho_x[link] for link in links if link[0] == i}
            new_y = {link: rho_y[link] for link in links if link[0] == i}
            received = [message for message in travelling if message[0] <= t and message[1] == i]  # 16
            travelling = [message for message in travelling if not (message[0] <= t and message[1] == i)]
            for _, _, j, their_x, their_y, their_kappa in received:  # 17
                if their_kappa > kappa_from[i, j]:  # 18
                    new_x[i, j], new_y[i, j], kappa_from[i, j] = their_x, their_y, their_kappa  # 19
            x[i] = x[i] + sum((new - rho_x[link] for link, new in new_x.items()), np.zeros(d))  # 22
            y[i] = y[i] + sum(new - rho_y[link] for link, new in new_y.items())  # 23
            rho_x, rho_y = rho_x | new_x, rho_y | new_y  # 24
            z[i] = x[i] / y[i]  # 24
        history.append(z.copy())
    return np.array(history)
