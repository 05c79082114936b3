"""Base class of methods in which all nodes wait for each other: rounds over links that sleep, delay and lose."""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from trainers.algorithms.base.link_learner import LinkLearner, LinkSettings
from trainers.bounds.consensus import consensus_step
from trainers.events.link_events import Tick
from trainers.events.rounds import Rounds
from trainers.problems.objective import NumpyArray


def metropolis(graph: NumpyArray) -> NumpyArray:
    """Metropolis weights: w_ij = 1 / (1 + the larger degree of i and j) over links, and what is left of 1 for a node itself.

    Args:
        graph: links that lead both ways, (..., n, n).

    Returns:
        W, (..., n, n): symmetric, not negative, its rows and columns sum to 1.

    >>> metropolis(np.array([[False, True], [True, False]])).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    degree = graph.sum(-1)
    weights = graph / (1 + np.maximum(degree[..., :, None], degree[..., None, :]))
    return np.asarray(weights + (1 - weights.sum(-1))[..., None] * np.eye(graph.shape[-1]))


class RoundLearner(LinkLearner):
    """Nodes that make a step once all of them have all messages of a round; an iteration is a tick, not a round.

    A subclass defines `_round`. W has Metropolis weights, so that links have to lead both ways.
    """

    settings: LinkSettings
    both_ways = True
    words = 1
    STATE: ClassVar[tuple[str, ...]] = (*LinkLearner.STATE, "x", "rounds")

    def _begin(self) -> None:
        super()._begin()
        self.x = self._everywhere(self._start())
        """x_i, (variants, runs, n, d)."""
        self.rounds = np.zeros(len(self.seeds), np.int64)
        """Rounds so far, (runs,)."""
        self._weights = metropolis(self.link_events.graphs)
        self._rounds = Rounds(self.link_events)

    @property
    def nodes(self) -> NumpyArray:
        """x_i, (variants, runs, n, d)."""
        return self.x

    def _tick(self, tick: Tick) -> None:
        for run in self._rounds.over(tick):
            self._round(slice(run, run + 1))
            self.rounds[run] += 1

    @abstractmethod
    def _round(self, run: slice) -> None:
        """Round k of the pseudo-code, for all nodes of a run."""

    def _mixed(self, vectors: NumpyArray, run: slice) -> NumpyArray:
        """The sums over j of w_ij v_j, of v (variants, 1, n, d)."""
        return np.asarray(self._weights[run] @ vectors)

    def _slopes(self, points: NumpyArray, run: slice) -> NumpyArray:
        """Gradients of the nodes of a run at points (variants, 1, n, d), each on a new batch."""
        nodes = np.arange(self.problem.clients)
        batch = None if self.settings.exact else np.stack([self.problem.draw(nodes, rng) for rng in self._samples[run]])
        return self.problem.gradient(nodes, points, batch)

    def _consensus_bound(self, theorem: str) -> tuple[float, str] | None:
        """The largest step of a theorem about exact gradients, where the nodes' smoothness is known."""
        smoothness = getattr(self.problem, "local_smoothness", None)
        if smoothness is None or not self.settings.exact:
            return None
        return min(consensus_step(smoothness, weights) for weights in self._weights), theorem

    def _own_measures(self) -> dict[str, NumpyArray]:
        """Measure `rounds`, how many are over."""
        return {"rounds": np.broadcast_to(self.rounds, (self.variants, len(self.seeds)))}

    def state(self) -> dict[str, Any]:
        return {"waiting": self._rounds.state(), **super().state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        super()._set_state(state)
        self._rounds.set_state(state["waiting"])
