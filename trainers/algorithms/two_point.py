"""Distributed two-point method (Tang, Zhang and Li, 2021, Algorithm 1): zeroth-order descent in rounds, without a server.

For k = 0, 1, ..., with eta_k = eta / (k + 1)^decay and mu_k = mu / (k + 1)^smoothing_decay, each node i:

 1  draw a batch D_i and z_i ~ N(0, I)
 2  g_i = (f_i(x_i + mu_k z_i; D_i) - f_i(x_i - mu_k z_i; D_i)) / (2 mu_k) z_i
 3  send x_i - eta_k g_i to its neighbours, and wait for theirs
 4  x_i = sum_j w_ij (x_j - eta_k g_j)

The paper's rate is for eta_k ~ 1 / sqrt(k) and mu_k that fall (Theorem 1); both are constant unless asked for. Its second
algorithm, with 2 d measurements and gradient tracking, is not here. W has Metropolis weights. Rounds:
`trainers.events.rounds`. A round's two measurements take a tick each where nodes can measure at the same time; on channels
nodes at points of their own take turns.
"""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from trainers.algorithms.base.link_learner import LinkSettings
from trainers.algorithms.base.round_learner import RoundLearner
from trainers.problems.objective import NumpyArray
from wirelessenv.config import NonNegative, Positive
from wirelessenv.streams import generator_state, set_generator_state, stream


class TwoPointSettings(LinkSettings):
    """Settings of the distributed two-point method."""

    kind: Literal["two_point"] = "two_point"
    decay: NonNegative = Field(0.0, description="eta_k = step_size / (k + 1)^decay")
    smoothing: Positive = Field(0.01, description="mu, the size of the perturbation")
    smoothing_decay: Annotated[NonNegative, Field(le=1)] = Field(0.0, description="mu_k = smoothing / (k + 1)^smoothing_decay")


class TwoPointLearner(RoundLearner):
    """Distributed two-point method; see the head of this file. A message is (x - eta g, k): 32 (d + 1) bits.

    Args:
        problem: the costs f_1 ... f_n of the nodes.
        links: graph, waking, delays and losses: a `Messaging`, its preset's name or a mapping. Every run has its own graph.
        seed: the run's seed, or one for each run.
        settings: those of `TwoPointSettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = TwoPointLearner(LeastSquares(size=3), {"graph": "ring"}, step_size=0.02, exact=True)
    >>> bool((learner.learn(1000).measures()["distance"] < 0.5).all())
    True
    """

    Settings = TwoPointSettings
    settings: TwoPointSettings
    STATE: ClassVar[tuple[str, ...]] = RoundLearner.STATE

    def _begin(self) -> None:
        super()._begin()
        self._directions = [stream(seed, "direction") for seed in self.seeds]

    def _round(self, run: slice) -> None:
        x, settings, (k,) = self.x[:, run], self.settings, self.rounds[run]
        nodes, mu = np.arange(self.problem.clients), settings.smoothing / (k + 1) ** settings.smoothing_decay
        batch = None if settings.exact else np.stack([self.problem.draw(nodes, rng) for rng in self._samples[run]])  # 1
        z = np.stack([rng.normal(size=x.shape[2:]) for rng in self._directions[run]])
        above, below = (self.problem.cost(nodes, x + sign * mu * z, batch) for sign in (1, -1))
        gradient = ((above - below) / (2 * mu))[..., None] * z  # 2
        eta = self.step_size[..., None] / (k + 1) ** settings.decay
        self.x[:, run] = self._mixed(x - eta * gradient, run)  # 3, 4

    def measures(self) -> dict[str, NumpyArray]:
        """As `RoundLearner.measures`; `seconds`, ticks of rounds and of measurements, of which a round's first has one."""
        more = 2 * (self.problem.clients if self.problem.tick_slots else 1) - 1
        return super().measures() | {
            "seconds": np.broadcast_to(self.iteration + more * self.rounds, (self.variants, len(self.seeds)))
        }

    def state(self) -> dict[str, Any]:
        return {"directions": [generator_state(one) for one in self._directions], **super().state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        for generator, saved in zip(self._directions, state["directions"], strict=True):
            set_generator_state(generator, saved)
        super()._set_state(state)
