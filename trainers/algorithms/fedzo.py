"""FedZO (Fang et al., 2022): federated averaging whose clients step along differences of costs in place of gradients.

 1  for t = 0, 1, ...:
 2      the server draws M of the n clients and sends them x
 3      each of them: x_i = x, and H times:
 4          draws a batch and b_2 directions v uniformly from the unit sphere
 5          e_i = mean over v of d (F_i(x_i + mu v) - F_i(x_i)) / mu v, on the same batch
 6          x_i = x_i - eta e_i
 7      sends x_i - x to the server
 8      x = x + (1 / M) sum_i (x_i - x)

The batch has b_1 samples, which is the problem's `batch`. Ticks and turns: `trainers.algorithms.base.query_learner`.
"""

from typing import Any, ClassVar, Literal

import numpy as np

from trainers.algorithms.base.query_learner import QueryLearner, QuerySettings
from trainers.problems.objective import NumpyArray
from wirelessenv.streams import generator_state, set_generator_state, stream


class FedZOSettings(QuerySettings):
    """Settings of federated zeroth-order optimisation."""

    kind: Literal["fedzo"] = "fedzo"


class FedZO(QueryLearner):
    """FedZO; see the head of this file. A message is a point or a change of it: 32 d bits.

    Args:
        problem: the n clients' costs.
        links: which clients take part in a round: a `Participation`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: those of `FedZOSettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = FedZO(LeastSquares(size=3), {"participants": 2}, step_size=0.02, local_steps=5, exact=True)
    >>> bool((learner.learn(300).measures()["distance"] < 0.5).all())
    True
    """

    Settings = FedZOSettings
    settings: FedZOSettings
    STATE: ClassVar[tuple[str, ...]] = QueryLearner.STATE

    def _begin(self) -> None:
        super()._begin()
        self._directions = [stream(seed, "direction") for seed in self.seeds]

    def _round(self, run: int, clients: NumpyArray) -> None:
        settings, size, eta = self.settings, self.problem.size, self.step_size
        start = self.x[:, run, None]
        points = np.repeat(start, len(clients), axis=1)  # 2, 3
        for _ in range(settings.local_steps):
            drawn = self._directions[run].normal(size=(settings.directions, len(clients), size))  # 4
            directions = drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)
            slopes = self._slopes(run, clients, points, directions)  # 5
            points -= eta * size * np.einsum("vbk,bkd->vkd", slopes, directions) / settings.directions  # 5, 6
        self.x[:, run] += (points - start).mean(1)  # 7, 8
        self.messages[run] += 2 * len(clients)
        self.entries[run] += 2 * len(clients) * size
        self.ticks[run] += settings.local_steps * (settings.directions + 1) * self._turns

    def state(self) -> dict[str, Any]:
        return {"directions": [generator_state(one) for one in self._directions], **super().state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        for generator, saved in zip(self._directions, state["directions"], strict=True):
            set_generator_state(generator, saved)
        super()._set_state(state)
