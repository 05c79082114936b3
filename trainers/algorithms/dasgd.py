"""Decentralised asynchronous SGD: Algorithm 1 of Tosi and Theobald (2023), without a server and without averaging.

Each node i, with the numbers that the text of the paper gives to the lines:

 1  initialise:
 2      t = 0
 3      x_i = x^0
 4  train:
 5      while true:
 6          g = the first gradient in the inbox
 7          if there is one:
 8              x_i = x_i - eta g
 9              t = t + 1
10          else if there is a sample xi left:
11              g_i = grad F(x_i, xi)
12              x_i = x_i - eta g_i
13              send g_i to the neighbours
14              t = t + 1

All nodes add up the same gradients with the same fixed step, each in its own order; when everything is delivered they hold
the same model, also where gradients are compressed: a node applies what it sends. Lines 5 to 7 and 10, who does what when,
depend on no iterate: `trainers.events.inboxes` simulates them, forwards gradients where not all nodes are neighbours, and drops
what comes twice.
"""

from typing import Any, Literal

from pydantic import Field

from trainers.algorithms.base.inbox_learner import InboxLearner, InboxSettings
from trainers.bounds.dasgd import dasgd_step
from trainers.events.compression import Compression, Compressor
from trainers.events.inboxes import Step
from trainers.events.staleness import different_seeds, measured_staleness, rounds_within
from trainers.problems.objective import NumpyArray
from wirelessenv.config import ConfigError


class DASGDSettings(InboxSettings):
    """Settings of decentralised asynchronous SGD."""

    kind: Literal["dasgd"] = "dasgd"
    compression: Compression | None = Field(None, description="of gradients, unbiased; none: all of their numbers are sent")


class DASGD(InboxLearner):
    """DASGD on n nodes; see the head of this file. An iteration is one step of one node in each run.

    The algorithm is meant for costs that are the same on all nodes: an objective has one client, which all nodes use, or n.

    Args:
        problem: the cost, or the n costs.
        links: who is connected to whom, and how long computing and messages take: a `Network`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: those of `DASGDSettings`, by name.

    >>> from trainers.problems.quadratic import Quadratic
    >>> learner = DASGD(Quadratic(), nodes=3, step_size=0.05, exact=True).learn(900).finish()
    >>> bool((learner.measures()["distance"] < 1e-3).all()), bool((learner.models[0] - learner.models[1]).max() < 1e-12)
    (True, True)
    """

    Settings = DASGDSettings
    settings: DASGDSettings
    _compressor: Compressor | None = None

    def _begin(self) -> None:
        super()._begin()
        if (compression := self.settings.compression) is not None:
            if not compression.unbiased:
                given = compression.dump()["kind"]
                raise ConfigError(f"compression: {given} is not valid for dasgd: use an unbiased one, rand_k or quantised")
            self._compressor = Compressor(compression, self.problem.size, self.seeds)

    def _step(self, order: int, step: Step) -> None:
        model = self.models[step.node][:, self.runs[order]]  # x_i; 2, 3: it begins at x^0, and `steps` at 0
        if step.node != step.origin:  # 5, 6, 7
            model -= self._eta * self._received(order, step)  # 8; 9: `steps` counts
        else:  # 10
            gradient = self._computed(order, step.node)  # 11
            if self._compressor is not None:  # a node applies what it sends
                gradient = self._compressor(gradient, self.runs[order])
            model -= self._eta * gradient  # 12
            self._sent(order, step, gradient)  # 13; 14: `steps` counts

    def bound(self, iterations: int) -> tuple[float, str] | None:
        smoothness = getattr(self.problem, "smoothness", None)
        if not self.settings.exact or smoothness is None:
            return None
        network = self.settings.network
        seeds = different_seeds(network, self.nodes, self._owners)
        rounds = rounds_within(network, self.nodes, runs=len(seeds))
        if not rounds:  # of so many nodes staleness is not known before the run
            return None
        averages = [measured_staleness(network, self.nodes, rounds, seed)["s_avg"] for seed in seeds]
        return dasgd_step(smoothness, max(averages)), "Theorem 1 of Tosi and Theobald (2023)"

    def measures(self) -> dict[str, NumpyArray]:
        """Measures of `InboxLearner`, whose bits are those of compressed gradients where the settings say so."""
        known = super().measures()
        if self._compressor is None:
            return known
        bits = known["messages"] * self._compressor.bits
        return known | {"bits": bits, "entries": bits // 32}

    def state(self) -> dict[str, Any]:
        known = super().state()
        return known if self._compressor is None else known | {"compressing": self._compressor.state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        super()._set_state(state)
        if self._compressor is not None:
            self._compressor.set_state(state["compressing"])
