"""CHOCO-SGD (Koloskova et al., 2019, Algorithm 2), in rounds: D-PSGD whose messages are compressed changes of models.

All nodes keep a public copy h_j of each neighbour's model, and of their own; at first h_i = x_i = x_0. For k = 0, 1, ..., each
node i:

 1  draw a batch D_i; x_i = x_i - eta grad f_i(x_i; D_i)
 2  q_i = C(x_i - h_i) / tau
 3  send q_i to its neighbours, and wait for theirs
 4  h_j = h_j + q_j, for each neighbour j and for i itself
 5  x_i = x_i + gamma sum_j w_ij (h_j - h_i)

W has Metropolis weights, and gamma is the `consensus_step`. The paper asks for E ||q - v||^2 <= (1 - delta) ||v||^2 with
delta > 0, so that copies come nearer to models. An unbiased C whose error is omega ||v||^2 at most is farther from v than 0 is
where omega > 1; as in the paper (Section 3) it is divided by tau = 1 + omega, and delta = 1 / tau. A biased one has tau = 1.
The stronger the compression, the smaller gamma has to be: the theorem's falls with delta. Copies stay alike because no message
of a round is missing (`trainers.events.rounds`): over links on which a message may stay lost, they would not. Without
compression and with gamma = 1 it is x_i = sum_j w_ij (x_j - eta grad f_j(x_j; D_j)).
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from trainers.algorithms.base.link_learner import LinkSettings
from trainers.algorithms.base.round_learner import RoundLearner
from trainers.events.compression import Compression, Compressor, Quantised
from trainers.problems.objective import NumpyArray
from wirelessenv.config import Number


class ChocoSettings(LinkSettings):
    """Settings of CHOCO-SGD, in rounds."""

    kind: Literal["choco_sgd"] = "choco_sgd"
    compression: Compression = Field(Quantised(), description="C, of changes of models")
    consensus_step: Annotated[Number, Field(gt=0, le=1)] = Field(0.3, description="gamma, of line 5")


class ChocoLearner(RoundLearner):
    """CHOCO-SGD over links that sleep, delay and lose; see the head of this file. A message is (q, k), with the bits of C.

    Args:
        problem: the costs f_1 ... f_n of the nodes.
        links: graph, waking, delays and losses: a `Messaging`, its preset's name or a mapping. Every run has its own graph.
        seed: the run's seed, or one for each run.
        settings: those of `ChocoSettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = ChocoLearner(LeastSquares(zeta=0.0), {"graph": "ring"}, step_size=0.05, exact=True, compression="top_k")
    >>> bool((learner.learn(4000).measures()["distance"] < 1e-3).all())
    True
    """

    Settings = ChocoSettings
    settings: ChocoSettings
    STATE: ClassVar[tuple[str, ...]] = (*RoundLearner.STATE, "public")

    def _begin(self) -> None:
        super()._begin()
        self.public = self.x.copy()
        """h_i, (variants, runs, n, d)."""
        compression, size = self.settings.compression, self.problem.size
        self._compressor = Compressor(compression, size, self.seeds)
        self._tau = 1 + compression.error(size) if compression.unbiased else 1.0

    def _round(self, run: slice) -> None:
        half = self.x[:, run] - self.step_size[..., None] * self._slopes(self.x[:, run], run)  # 1
        self.public[:, run] += self._compressor(half - self.public[:, run], run) / self._tau  # 2, 3, 4
        public = self.public[:, run]
        self.x[:, run] = half + self.settings.consensus_step * (self._mixed(public, run) - public)  # 5

    def measures(self) -> dict[str, NumpyArray]:
        """Measures of `RoundLearner`; a message has the bits of C and the 32 of k."""
        known = super().measures()
        bits = known["messages"] * (32 + self._compressor.bits)
        return known | {"entries": bits // 32, "bits": bits}

    def state(self) -> dict[str, Any]:
        return {"compressing": self._compressor.state(), **super().state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        super()._set_state(state)
        self._compressor.set_state(state["compressing"])
