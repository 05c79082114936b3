"""Gradient tracking in rounds: DIGing (Nedich et al., 2017), and with samples DSGT in its form (Pu and Nedich, 2021).

At first y_i = g_i = grad f_i(x_i; D_i). For k = 0, 1, ..., each node i:

 1  send (x_i, y_i) to its neighbours, and wait for theirs
 2  x_i = sum_j w_ij x_j - eta y_i
 3  draw a batch D_i, and compute g_i^new = grad f_i(x_i; D_i)
 4  y_i = sum_j w_ij y_j + g_i^new - g_i
 5  g_i = g_i^new

The mean of the y_i is the mean of the g_i, always; so the y_i come to agree on the gradient of f, and with exact gradients
and a small constant eta the x_i go to its minimiser at a linear rate, whatever the nodes' own minima are. DSGT as its paper
has it mixes x_j - eta y_j in line 2; DIGing's form is taken for both. Rounds: `trainers.events.rounds`.
"""

from typing import ClassVar, Literal

from trainers.algorithms.base.link_learner import LinkSettings
from trainers.algorithms.base.round_learner import RoundLearner
from trainers.problems.objective import NumpyArray


class GradientTrackingSettings(LinkSettings):
    """Settings of gradient tracking in rounds."""

    kind: Literal["gradient_tracking"] = "gradient_tracking"


class GradientTrackingLearner(RoundLearner):
    """Gradient tracking; see the head of this file. A message is (x, y, k): 32 (2 d + 1) bits.

    Args:
        problem: the costs f_1 ... f_n of the nodes.
        links: graph, waking, delays and losses: a `Messaging`, its preset's name or a mapping. Every run has its own graph.
        seed: the run's seed, or one for each run.
        settings: those of `GradientTrackingSettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = GradientTrackingLearner(LeastSquares(), {"graph": "ring"}, step_size=0.05, exact=True).learn(1000)
    >>> bool((learner.measures()["distance"] < 1e-9).all())
    True
    """

    Settings = GradientTrackingSettings
    settings: GradientTrackingSettings
    vectors = 2
    STATE: ClassVar[tuple[str, ...]] = (*RoundLearner.STATE, "y", "gradients")

    def _begin(self) -> None:
        super()._begin()
        self.gradients: NumpyArray = self._gradient(self.x)
        """g_i, (variants, runs, n, d)."""
        self.y = self.gradients.copy()
        """y_i, the same shape."""

    def _round(self, run: slice) -> None:
        x = self._mixed(self.x[:, run], run) - self.step_size[..., None] * self.y[:, run]  # 1, 2
        gradient = self._slopes(x, run)  # 3
        self.y[:, run] = self._mixed(self.y[:, run], run) + gradient - self.gradients[:, run]  # 4
        self.x[:, run], self.gradients[:, run] = x, gradient  # 5
