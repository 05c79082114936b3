"""Decentralised parallel SGD (Lian et al., 2017), in rounds: nodes average with their neighbours and step along own gradients.

For k = 0, 1, ..., each node i:

 1  draw a batch D_i, and compute g_i = grad f_i(x_i; D_i)
 2  send x_i to its neighbours, and wait for theirs
 3  x_i = sum_j w_ij x_j - eta g_i

W has Metropolis weights. With a constant eta the nodes' costs leave an error, also where gradients are exact: nodes whose
own minima differ pull apart. How long a round takes where nodes sleep and links delay or lose, `trainers.events.rounds` says;
the paper's networks do neither.
"""

from typing import Literal

from trainers.algorithms.base.link_learner import LinkSettings
from trainers.algorithms.base.round_learner import RoundLearner


class DPSGDSettings(LinkSettings):
    """Settings of decentralised parallel SGD."""

    kind: Literal["d_psgd"] = "d_psgd"


class DPSGDLearner(RoundLearner):
    """D-PSGD over links that sleep, delay and lose; see the head of this file. A message is (x, k): 32 (d + 1) bits.

    Args:
        problem: the costs f_1 ... f_n of the nodes.
        links: graph, waking, delays and losses: a `Messaging`, its preset's name or a mapping. Every run has its own graph.
        seed: the run's seed, or one for each run.
        settings: those of `DPSGDSettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = DPSGDLearner(LeastSquares(), {"graph": "ring", "links": {"delay": 2}}, step_size=0.01, exact=True)
    >>> learner.learn(300).rounds.tolist()
    [100]
    """

    Settings = DPSGDSettings
    settings: DPSGDSettings

    def _round(self, run: slice) -> None:
        x = self.x[:, run]
        gradient = self._slopes(x, run)  # 1
        self.x[:, run] = self._mixed(x, run) - self.step_size[..., None] * gradient  # 2, 3

    def bound(self, iterations: int) -> tuple[float, str] | None:
        return self._consensus_bound("Theorem 1 of Yuan et al. (2016)")
