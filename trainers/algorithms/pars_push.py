"""PARS-Push, Algorithm 1 of Toghani et al. (2023): gradient push that survives sleep, delay and loss, for personalised models.

Nodes look for a z that is good after u gradient steps of size alpha on their own cost (MAML): the minimiser of
F^(u)(z) = (1/n) sum_i E f_i(Psi_i(... Psi_i(z, D_i0) ..., D_i,u-1)), Psi_i(w, D) = w - alpha grad f_i(w; D). u = 0 is f.

Algorithm 1, with phi_i and rho_ij for the pairs (phi_i^x, phi_i^y) and (rho_ij^x, rho_ij^y):

 1  y_i = 1, kappa_i = -1, phi_i = 0 of each node i; kappa_ij = -1, rho_ij = 0 of each link from j to i
 2  for t = 0, 1, ..., each node i:
 3      if it wakes up:
 4          eta_i = theta(kappa_i + 1) + ... + theta(t)
 5          w^(0) = z_i
 6          for r = 0, ..., u - 1:
 7              draw a batch D_ir
 8              w^(r+1) = w^(r) - alpha grad f_i(w^(r); D_ir)
10          draw a batch D_iu
11          x_i = x_i - eta_i [prod_{r = 0}^{u-1} (I - alpha Hess f_i(w^(r); D_ir))] grad f_i(w^(u); D_iu)
12          kappa_i = t
13          x_i = x_i / (d_i^+ + 1), y_i = y_i / (d_i^+ + 1), where d_i^+ is the number of links that leave i
14          phi_i = phi_i + (x_i, y_i)
15          send (phi_i, kappa_i) to all out-neighbours
16          R_i = the messages that have arrived
17          for (phi_j, kappa_j) in R_i:
18              if kappa_j > kappa_ij:
19                  rho*_ij = phi_j, kappa_ij = kappa_j
22          x_i = x_i + sum_j (rho*_ij^x - rho_ij^x)
23          y_i = y_i + sum_j (rho*_ij^y - rho_ij^y)
24          rho_ij = rho*_ij, z_i = x_i / y_i

Where the paper is silent or slips:
- (6) and (7) have slips of the index; this is Algorithm 1. Its x_i(0) is 0, here y_i(0) times the problem's start, 0 as a rule.
- eta_i(t) is summed before kappa_i := t. theta(0) = 0.
- The product of line 11 is ordered: the factor of r = u - 1 acts on the gradient first. Its u + 1 batches are independent.
- A message is (phi_x, phi_y, kappa); of those that wait on a link only the newest counts, so that is the one kept, also while
  the receiver sleeps. In lines 15 and 16 all nodes send before any looks at what has arrived.
- The out-degree of line 13 counts all links of the graph, whether a message is sent over them in this tick or not.

Beside line 11 stand the biased estimates of earlier work, which the paper warns of (Section 3): `MetaGradient`.
"""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from trainers.algorithms.base.push_sum import PushSumLearner, PushSumSettings
from trainers.events.link_events import Tick
from trainers.problems.objective import Clients, NumpyArray, Objective
from wirelessenv.config import CountOrZero, NonNegative
from wirelessenv.saved_state import refuse_outside

MetaGradient = Literal["unbiased", "first_order", "one_batch", "separate_hessians"]
"""Estimates of grad F_i^(u)(z):

    unbiased           line 11
    first_order        line 11 without its product: grad f_i(w^(u); D_iu) (Finn et al., 2017)
    one_batch          line 11 with D_i0 = ... = D_iu, so that a node is tested with what it was tuned on
    separate_hessians  line 11, but the Hessian at w^(r) is of one more batch D'_ir (Fallah et al., 2020)

With exact gradients, first_order alone is biased. On quadratics the mean of separate_hessians is the gradient of the cost after
u exact steps, which is not F_i^(u): that is the cost after u steps on batches.
"""


def personal_points(
    objective: Objective, clients: Clients, z: NumpyArray, inner_step_size: float, batches: Sequence[NumpyArray | None]
) -> list[NumpyArray]:
    """w_i^(0) = z, w_i^(1), ..., w_i^(u): a gradient step on every one of u batches; lines 5 to 8 of Algorithm 1.

    Args:
        objective: the costs.
        clients: i, as for `Objective.gradient`.
        z: points, (..., d) or (..., k, d).
        inner_step_size: alpha.
        batches: D_i0 ... D_i,u-1, of which None stands for the exact cost.

    Returns:
        u + 1 arrays of the shape of z.
    """
    points = [z]  # 5: w^(0) = z_i
    for batch in batches:  # 6, 7
        points.append(points[-1] - inner_step_size * objective.gradient(clients, points[-1], batch))  # 8
    return points


def personal_gradient(
    objective: Objective,
    clients: Clients,
    z: NumpyArray,
    inner_step_size: float,
    batches: Sequence[NumpyArray | None],
    *,
    hessian_batches: Sequence[NumpyArray | None] | None = None,
) -> NumpyArray:
    """The gradient of f_i(w_i^(u); D_iu) in z, an unbiased one of F_i^(u); lines 5 to 11 of Algorithm 1.

    [prod_{r = 0}^{u - 1} (I - alpha Hess f_i(w_i^(r); D_ir))] grad f_i(w_i^(u); D_iu)

    Args:
        objective: the costs, with Hessian products where there are Hessians.
        clients: i, as for `Objective.gradient`.
        z: points, (..., d) or (..., k, d).
        inner_step_size: alpha.
        batches: D_i0 ... D_iu, of which None stands for the exact cost; u + 1 of them.
        hessian_batches: of the u Hessians, if they are not D_i0 ... D_i,u-1; empty for none, which leaves the product out.

    Returns:
        The gradient, of the shape of z.
    """
    *points, last = personal_points(objective, clients, z, inner_step_size, batches[:-1])
    product = objective.gradient(clients, last, batches[-1])  # 10, 11
    factors = batches[:-1] if hessian_batches is None else hessian_batches
    if factors:
        for point, batch in zip(reversed(points), reversed(factors), strict=True):  # 11: r = u - 1 first
            product = product - inner_step_size * objective.hessian_product(clients, point, product, batch)
    return product


def take_step(
    pairs: NumpyArray, phi: NumpyArray, gradient: NumpyArray, eta: NumpyArray, *, out_degree: NumpyArray, awake: NumpyArray
) -> None:
    """Let some nodes step and add to what they have sent, in place: lines 11, 13 and 14 of Algorithm 1.

    Args:
        pairs: (x_i, y_i), (..., n, d + 1).
        phi: the running sums (phi_i^x, phi_i^y), the same shape; after it, what line 15 sends.
        gradient: of line 11, (..., n, d).
        eta: eta_i, (..., n, 1).
        out_degree: d_i^+, (..., n, 1).
        awake: mask of those who wake up, (..., n, 1).
    """
    x = pairs[..., :-1]
    np.subtract(x, eta * gradient, out=x, where=awake)  # 11: x_i = x_i - eta_i gradient_i
    np.divide(pairs, out_degree + 1, out=pairs, where=awake)  # 13: (x, y)_i / (d_i^+ + 1)
    np.add(phi, pairs, out=phi, where=awake)  # 14: phi_i = phi_i + (x_i, y_i)


def take_in(
    pairs: NumpyArray, rho: NumpyArray, newest: NumpyArray, arrived: NumpyArray, *, awake: NumpyArray, by_awake: NumpyArray
) -> None:
    """Let some nodes take in what has arrived, in place: lines 22 to 24 of Algorithm 1.

    Args:
        pairs: (x_i, y_i), (..., n, d + 1).
        rho: rho_ij of each link, (..., links, d + 1).
        newest: rho*_ij, the same shape.
        arrived: the sums over j of rho*_ij - rho_ij, of the shape of `pairs`.
        awake: mask of those who wake up, (..., n, 1).
        by_awake: mask of the links that lead to them, (links, 1).
    """
    np.add(pairs, arrived, out=pairs, where=awake)  # 22, 23: (x_i, y_i) = (x_i, y_i) + arrived_i
    np.copyto(rho, newest, where=by_awake)  # 24; z_i = x_i / y_i


class PARSPushSettings(PushSumSettings):
    """Settings of PARS-Push and of its inner steps."""

    kind: Literal["pars_push"] = "pars_push"
    inner_steps: Annotated[CountOrZero, Field(le=10_000)] = Field(0, description="u, gradient steps before a test")
    inner_step_size: NonNegative = Field(0.1, description="alpha, the size of these steps")
    meta_gradient: MetaGradient = Field(
        "unbiased", description="estimate of the gradient of F^(u): Algorithm 1's, or one of three that are biased"
    )

    @property
    def batches(self) -> int:
        """Number of batches that an estimate of the gradient draws."""
        several = {"one_batch": 1, "separate_hessians": 2 * self.inner_steps + 1}
        return several.get(self.meta_gradient, self.inner_steps + 1)

    def estimate(self, objective: Objective, clients: Clients, z: NumpyArray, drawn: Sequence[NumpyArray | None]) -> NumpyArray:
        """Estimate grad F_i^(u) at z_i: lines 5 to 11, or what `meta_gradient` has in their place.

        Args:
            objective: the costs.
            clients: i, as for `Objective.gradient`.
            z: points, (..., d) or (..., k, d).
            drawn: batches, as many as `batches` says.

        Returns:
            Of the shape of z.
        """
        steps = self.inner_steps
        batches = [*drawn] * (steps + 1) if self.meta_gradient == "one_batch" else drawn[: steps + 1]
        others = {"first_order": [], "separate_hessians": drawn[steps + 1 :]}.get(self.meta_gradient)
        return personal_gradient(objective, clients, z, self.inner_step_size, batches, hessian_batches=others)


class PARSPushLearner(PushSumLearner):
    """Algorithm 1 of Toghani et al. (2023). A message is (phi_x, phi_y, kappa): 32 (d + 2) bits.

    Args:
        problem: the costs f_1 ... f_n of the nodes.
        links: graph, waking, delays and losses: a `Messaging`, its preset's name or a mapping. Every run has its own graph.
        seed: the run's seed, or one for each run.
        settings: those of `PARSPushSettings`, by name.

    >>> from trainers.problems.ridge_regression import RidgeRegression
    >>> learner = PARSPushLearner(RidgeRegression(), {"links": {"loss": 0.2}}, step_size=0.01, seed=[0, 1], inner_steps=1)
    >>> learner.learn(100).measures()["mass"].round(12).tolist()
    [[1.0, 1.0]]
    """

    Settings = PARSPushSettings
    settings: PARSPushSettings
    STATE: ClassVar[tuple[str, ...]] = (*PushSumLearner.STATE, "_eta", "phi", "rho", "newest", "newest_sent")
    words = 2

    def _begin(self) -> None:
        super()._begin()  # 1: y_i = 1
        links = (self.variants, len(self.link_events.sender), self.problem.size + 1)
        self._eta = np.zeros(self.link_events.out_degree.shape)  # the sum of theta(r) / step_size over r > kappa_i, (runs, n)
        self.phi = np.zeros(self.pairs.shape)  # 1
        """(phi_i^x, phi_i^y), (variants, runs, n, d + 1): all that i has sent to each neighbour."""
        self.rho = np.zeros(links)  # 1
        """(rho_ij^x, rho_ij^y), (variants, links, d + 1): the part of it that i has taken in."""
        self.newest = np.zeros(links)
        """rho*_ij, (variants, links, d + 1): the newest phi_j that has arrived."""
        self.newest_sent = np.full(links[1], -1)  # 1
        """kappa_ij, (links,): when j sent it."""

    def _tick(self, tick: Tick) -> None:
        t, events, awake = self.iteration, self.link_events, tick.awake[..., None]  # 2, 3
        self._eta += self.step_schedule(t)  # 4: the sum of those that sleep goes on
        eta = self.step_size[..., None] * self._eta[..., None]
        gradient = self._meta_gradient()  # 5 to 11
        take_step(self.pairs, self.phi, gradient, eta, out_degree=events.out_degree[..., None], awake=awake)  # 11, 13, 14
        self._eta[tick.awake] = 0  # 12: the sum begins anew after kappa_i = t
        self._send(self.phi)  # 15: with kappa_i = t

        ago = tick.arriving.argmax(0)  # 16: of what arrives in a tick, the newest
        newer = np.flatnonzero(tick.arriving.any(0) & (t - ago > self.newest_sent))  # 17, 18: kappa_j > kappa_ij
        self.newest[:, newer] = self._sent(ago[newer], newer)  # 19: rho*_ij = phi_j
        self.newest_sent[newer] = t - ago[newer]  # 19: kappa_ij = kappa_j
        arrived = events.at_receivers(self.newest - self.rho).reshape(self.pairs.shape)  # sum_j (rho*_ij - rho_ij)
        by_awake = tick.awake.reshape(-1)[events.receiver, None]
        take_in(self.pairs, self.rho, self.newest, arrived, awake=awake, by_awake=by_awake)  # 22, 23, 24

    def _meta_gradient(self) -> NumpyArray:
        """Every node's estimate of grad F_i^(u) at its z_i, (variants, runs, n, d)."""
        drawn = self._batches(self.settings.batches)  # 7, 10
        return self.settings.estimate(self.problem, np.arange(self.problem.clients), self.nodes, drawn)

    def _set_state(self, state: dict[str, Any]) -> None:
        refuse_outside("newest_sent", state["newest_sent"], -1, state["iteration"])
        super()._set_state(state)

    def _acting(self, nodes: NumpyArray) -> NumpyArray:
        """z_i, or, where nodes act with what is their own, w_i^(u) after u exact steps."""
        if not self.problem.acts_personally:
            return nodes
        return self._personal_points(nodes)[-1]

    def _personal_points(self, z: NumpyArray) -> list[NumpyArray]:
        """w_i^(0) = z, ..., w_i^(u) after u exact steps of all nodes."""
        clients, settings = np.arange(self.problem.clients), self.settings
        return personal_points(self.problem, clients, z, settings.inner_step_size, [None] * settings.inner_steps)

    def total(self) -> NumpyArray:
        """The sum of (x, y) over all nodes, and of phi_j - rho_ij over all links, (variants, runs, d + 1)."""
        sent = self.phi.reshape(self.variants, -1, self.phi.shape[-1])[:, self.link_events.sender]
        on_links = self.link_events.at_receivers(sent - self.rho).reshape(self.pairs.shape)
        return np.asarray((self.pairs + on_links).sum(2))

    def measures(self) -> dict[str, NumpyArray]:
        """As `PushSumLearner.measures`; `personal_cost`, where it is cheap, is F^(u), with exact inner steps, at z_i."""
        if not self.problem.exact_is_cheap:
            return super().measures()
        clients = np.arange(self.problem.clients)
        with np.errstate(all="ignore"):
            start = np.repeat(self.nodes[..., None, :], len(clients), axis=-2)
            cost = self.problem.cost(clients, self._personal_points(start)[-1]).mean((-1, -2))
        return {"personal_cost": np.asarray(cost), **super().measures()}
