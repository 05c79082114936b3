"""Overlap stochastic gradient push (OSGP; Assran et al., 2019): SGP whose nodes step on while their messages travel.

For each node i, tick after tick in which it is awake, with its own count c_i of these:

 1  x_i = x_i - theta(t) grad f_i(z_i; D_i), where z_i = x_i / y_i
 2  if c_i + 1 is a multiple of tau + 1:
 3      x_i = x_i / (k + 1), y_i = y_i / (k + 1), where it sends to k neighbours
 4      send (x_i, y_i) to each of them, and go on without waiting
 5  x_i = x_i + sum x, y_i = y_i + sum y of the parts that have arrived since it was last awake
 6  c_i = c_i + 1

So a node makes tau steps of its own between two messages; tau = 0 is SGP over the same links. In the paper a node whose
neighbours' parts have not come after tau steps waits for them, which bounds their age by tau. Over links that lose a node
would wait for ever, and so nobody waits here: the longest delay of the links bounds the age.
"""

from typing import Annotated, Literal

from pydantic import Field

from trainers.algorithms.base.push_sum import PushSumSettings
from trainers.algorithms.sgp import SGPLearner
from trainers.events.link_events import LinkEvents, SparingLinkEvents
from wirelessenv.config import CountOrZero


class OSGPSettings(PushSumSettings):
    """Settings of overlap stochastic gradient push."""

    kind: Literal["osgp"] = "osgp"
    overlap: Annotated[CountOrZero, Field(le=10_000)] = Field(1, description="tau, steps of a node between two messages")


class OSGPLearner(SGPLearner):
    """Overlap SGP; see the head of this file. Its steps and messages are those of SGP. A message is (x, y): 32 (d + 1) bits.

    Args:
        problem: the costs f_1 ... f_n of the nodes.
        links: graph, waking, delays and losses: a `Messaging`, its preset's name or a mapping. Every run has its own graph.
        seed: the run's seed, or one for each run.
        settings: those of `OSGPSettings`, by name.

    >>> from trainers.problems.ridge_regression import RidgeRegression
    >>> learner = OSGPLearner(RidgeRegression(), {"links": {"delay": 3}}, step_size=0.01, overlap=2).learn(300)
    >>> learner.measures()["mass"].round(12).tolist()
    [[1.0]]
    """

    Settings = OSGPSettings  # type: ignore[assignment]  # kinds are not derived from each other
    settings: OSGPSettings  # type: ignore[assignment]  # as above

    def _events(self) -> LinkEvents:  # 2, 6
        return SparingLinkEvents(self.links[0], self.problem.clients, self.seeds, self.settings.overlap + 1)
