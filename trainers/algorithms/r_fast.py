"""R-FAST (Zhu et al., 2024): fully asynchronous gradient tracking whose running sums survive lost messages.

W averages what comes in, A hands on what goes out: w_ij = 1 / (d_i^- + 1) over the d_i^- links to i, and a_ji = 1 / (d_i^+ + 1)
over the d_i^+ links from i; the same for i itself. At first x_i = v_ij = x_0, z_i = g_i = grad f_i(x_0; D_i), rho_i = 0.
For t = 0, 1, ..., each node i that wakes up:

 1  v_i = x_i - eta z_i
 2  send (v_i, rho_i, t) to its neighbours
 3  of each link from j, take what was sent last of all that has arrived: v_ij = v_j, rho*_ij = rho_j
 4  x_i = w_ii v_i + sum_j w_ij v_ij
 5  draw a batch D_i; z_i = z_i + sum_j (rho*_ij - rho_ij) + grad f_i(x_i; D_i) - g_i
 6  g_i = grad f_i(x_i; D_i), rho_ij = rho*_ij
 7  rho_i = rho_i + a_ji z_i, z_i = a_ii z_i, since all a_ji of i are the same

rho_i is the sum of all that i has ever handed to each neighbour. What a lost message had of it the next one has, too: so the
sum of the z_i and of rho_j - rho_ij over all links is the sum of the g_i, always. In lines 2 and 3 all nodes send before any
looks at what has arrived; a message that waits while its receiver sleeps gives way to a newer one.

The paper sends v_i and rho_i over two graphs that have a spanning tree each with a common root; here both go over the links of
the messaging, in one message. It sends at the end of an iteration and not after line 1, which is a matter of where a tick
begins. Weights are ours: the paper asks for rows of W and columns of A that sum to 1.
"""

from typing import Any, ClassVar, Literal

import numpy as np

from trainers.algorithms.base.link_learner import LinkLearner, LinkSettings
from trainers.events.link_events import Tick
from trainers.problems.objective import NumpyArray
from wirelessenv.saved_state import refuse_outside


class RFASTSettings(LinkSettings):
    """Settings of robust asynchronous gradient tracking."""

    kind: Literal["r_fast"] = "r_fast"


class RFASTLearner(LinkLearner):
    """R-FAST over links that sleep, delay and lose; see the head of this file. A message is (v, rho, t): 32 (2 d + 1) bits.

    Args:
        problem: the costs f_1 ... f_n of the nodes.
        links: graph, waking, delays and losses: a `Messaging`, its preset's name or a mapping. Every run has its own graph.
        seed: the run's seed, or one for each run.
        settings: those of `RFASTSettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = RFASTLearner(LeastSquares(), {"graph": "ring", "links": {"loss": 0.3}}, step_size=0.12, exact=True)
    >>> bool((learner.learn(1000).measures()["distance"] < 1e-6).all())
    True
    """

    Settings = RFASTSettings
    settings: RFASTSettings
    vectors, words = 2, 1
    STATE: ClassVar[tuple[str, ...]] = (
        *LinkLearner.STATE, "x", "z", "rho", "gradients", "newest", "newest_sent", "taken",
    )  # fmt: skip

    def _begin(self) -> None:
        super()._begin()
        events, size = self.link_events, self.problem.size
        self.x = self._everywhere(self._start())
        """x_i, (variants, runs, n, d)."""
        self.gradients: NumpyArray = self._gradient(self.x)
        """g_i, the same shape."""
        self.z, self.rho = self.gradients.copy(), np.zeros_like(self.x)
        """rho_i, the same shape: all that i has handed to each neighbour."""
        self.newest = np.zeros((self.variants, len(events.sender), 2 * size))
        """(v_ij, rho*_ij), (variants, links, 2 d)."""
        self.newest[..., :size] = self.x.reshape(self.variants, -1, size)[:, events.sender]
        self.newest_sent = np.full(len(events.sender), -1)
        """Ticks in which they were sent, (links,)."""
        self.taken = np.zeros((self.variants, len(events.sender), size))
        """rho_ij, (variants, links, d): the part of rho_j that i has taken in."""
        self._in_links = events.graphs.sum(1)[..., None]

    @property
    def nodes(self) -> NumpyArray:
        """x_i, (variants, runs, n, d)."""
        return self.x

    def _tick(self, tick: Tick) -> None:
        t, events, awake, size = self.iteration, self.link_events, tick.awake[..., None], self.problem.size
        v = self.x - self.step_size[..., None] * self.z  # 1
        posted = self._posted[:, t % len(events.delays)].reshape(*v.shape[:-1], 2 * size)
        posted[..., :size], posted[..., size:] = v, self.rho  # 2

        ago = tick.arriving.argmax(0)  # 3: of what arrives in a tick, the newest
        newer = np.flatnonzero(tick.arriving.any(0) & (t - ago > self.newest_sent))
        self.newest[:, newer], self.newest_sent[newer] = self._sent(ago[newer], newer), t - ago[newer]
        heard = events.at_receivers(self.newest[..., :size]).reshape(v.shape)
        arrived = events.at_receivers(self.newest[..., size:] - self.taken).reshape(v.shape)
        x = (v + heard) / (self._in_links + 1)  # 4
        gradient = self._gradient(x)
        z = (self.z + arrived + gradient - self.gradients) / (events.out_degree[..., None] + 1)  # 5, 7: a_ii z_i

        np.copyto(self.x, x, where=awake)
        np.copyto(self.gradients, gradient, where=awake)  # 6
        np.copyto(self.taken, self.newest[..., size:], where=tick.awake.reshape(-1)[events.receiver, None])  # 6
        np.add(self.rho, z, out=self.rho, where=awake)  # 7
        np.copyto(self.z, z, where=awake)  # 7

    def total(self) -> NumpyArray:
        """The sum of z_i over all nodes, and of rho_j - rho_ij over all links, (variants, runs, d)."""
        sent = self.rho.reshape(self.variants, -1, self.problem.size)[:, self.link_events.sender]
        on_links = self.link_events.at_receivers(sent - self.taken).reshape(self.x.shape)
        return np.asarray((self.z + on_links).sum(2))

    def _set_state(self, state: dict[str, Any]) -> None:
        refuse_outside("newest_sent", state["newest_sent"], -1, state["iteration"])
        super()._set_state(state)
