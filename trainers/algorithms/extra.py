"""EXTRA (Shi et al., 2015): an exact first-order method in rounds, whose nodes send one vector.

Let V = (I + W) / 2, with elements v_ij. Each node i:

 1  send x_i to its neighbours, and wait for theirs
 2  g_i = grad f_i(x_i); x_i^before = x_i, x_i = sum_j w_ij x_j - eta g_i
 3  for k = 0, 1, ...:
 4      send x_i to its neighbours, and wait for theirs
 5      g_i^new = grad f_i(x_i)
 6      x_i^new = x_i + sum_j w_ij x_j - sum_j v_ij x_j^before - eta (g_i^new - g_i)
 7      x_i^before = x_i, x_i = x_i^new, g_i = g_i^new

With a constant eta the x_i go to the minimiser of f at a linear rate where f is restricted strongly convex; D-PSGD, whose
steps have the same cost, does not. W has Metropolis weights. Gradients of samples are allowed; the paper's are exact. What
nodes keep of line 6 is sum_j w_ij x_j^before, which they had in the round before. Rounds: `trainers.events.rounds`.
"""

from typing import ClassVar, Literal

import numpy as np

from trainers.algorithms.base.link_learner import LinkSettings
from trainers.algorithms.base.round_learner import RoundLearner


class EXTRASettings(LinkSettings):
    """Settings of EXTRA, which has one step size."""

    kind: Literal["extra"] = "extra"


class EXTRALearner(RoundLearner):
    """EXTRA; see the head of this file. A message is (x, k): 32 (d + 1) bits.

    Args:
        problem: the costs f_1 ... f_n of the nodes.
        links: graph, waking, delays and losses: a `Messaging`, its preset's name or a mapping. Every run has its own graph.
        seed: the run's seed, or one for each run.
        settings: those of `EXTRASettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = EXTRALearner(LeastSquares(), {"graph": "ring"}, step_size=0.1, exact=True).learn(1000)
    >>> bool((learner.measures()["distance"] < 1e-9).all())
    True
    """

    Settings = EXTRASettings
    settings: EXTRASettings
    STATE: ClassVar[tuple[str, ...]] = (*RoundLearner.STATE, "_before", "_gradients")

    def _begin(self) -> None:
        super()._begin()
        self._before = np.zeros_like(self.x)  # sum_j v_ij x_j^before; not used in line 2
        self._gradients = np.zeros_like(self.x)

    def _round(self, run: slice) -> None:
        x = self.x[:, run]
        mixed, gradient = self._mixed(x, run), self._slopes(x, run)  # 1, 4; 2, 5
        change = gradient - self._gradients[:, run]  # of 2: g_i, since nothing was before
        new = mixed - self.step_size[..., None] * change
        if self.rounds[run][0]:
            new += x - self._before[:, run]  # 6
        self._before[:, run], self._gradients[:, run] = (x + mixed) / 2, gradient  # 7
        self.x[:, run] = new  # 2, 7

    def bound(self, iterations: int) -> tuple[float, str] | None:
        return self._consensus_bound("Theorem 3.3 of Shi et al. (2015)")
