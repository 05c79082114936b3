"""A curve: everything that a run needs but its seed. The one place that makes learners of settings."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, model_validator

# Whose kinds a configuration may name:
from trainers.algorithms import (  # noqa: F401
    ace,
    ad_psgd,
    async_bc,
    async_sgd,
    choco_sgd,
    d_psgd,
    dasgd,
    decomfl,
    delay_adaptive,
    extra,
    fedbuff,
    fedzo,
    first_order,
    gradient_tracking,
    malenia,
    osgp,
    pars_push,
    r_fast,
    rennala,
    ringleader,
    ringmaster,
    sgp,
    sync_sgd,
    two_point,
)
from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.base.learner import Learner
from trainers.algorithms.base.settings import LINKS, OF_CURVES, VARIES, GradientSettings, LearnerSettings
from trainers.algorithms.zeroth_order import ZerothOrderSettings
from trainers.experiments import observed  # noqa: F401  # the same
from trainers.experiments.problem_settings import ProblemSettings, WirelessSettings
from trainers.experiments.strided import AnyLearner, Strided
from trainers.problems.policies import PolicySettings
from wirelessenv.config import Model
from wirelessenv.scenario import Messaging, Scenario


class Curve(Model):
    """One curve of a figure: everything that a run needs but its seed."""

    scenario: Scenario = Field(default_factory=Scenario, description="the radio network: a preset's name, or changes of one")
    messaging: Messaging = Field(default_factory=Messaging, description="who talks to whom, when, how late and how lossily")
    problem: ProblemSettings = Field(WirelessSettings(), description="what is learned: policies in the network, or other costs")
    policy: PolicySettings = Field(default_factory=PolicySettings, description="the network that each agent has")
    learner: LearnerSettings = Field(ZerothOrderSettings(), description="the algorithm and its settings")

    @model_validator(mode="before")
    @classmethod
    def _usual_kinds(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        usual = {"problem": "wireless", "learner": "zeroth_order"}
        return {
            key: {"kind": usual[key], **value} if key in usual and isinstance(value, Mapping) else value
            for key, value in data.items()
        }

    def compatibility_key(self) -> str:
        """Key of the settings that two curves share where they train side by side."""
        parts = [part.dump() for part in (self.scenario, self.problem, self.policy)]
        links = [] if self.learner.learner.links_vary else [self.messaging.dump()]
        return json.dumps([*parts, self.learner.compatibility_key(), *links])


def build(curves: Sequence[Curve], seeds: Sequence[int], device: str) -> AnyLearner:
    """A learner whose variants are some curves that train side by side.

    Args:
        curves: with equal `compatibility_key`.
        seeds: one for each run.
        device: "cpu" or "cuda", for learners that compute there.

    Returns:
        The learner.

    Raises:
        ConfigError: where settings do not fit each other.
    """
    first, kind = curves[0], type(curves[0].learner).learner
    if issubclass(kind, GradientLearner):
        return _gradient_learner(kind, curves, seeds)
    problem = first.problem.build(first.scenario, first.policy, seeds, device)
    links, arguments = [curve.messaging for curve in curves], _arguments([curve.learner for curve in curves])
    learner: Learner = kind(problem, links, seed=problem.seeds, **arguments)
    return learner


def _gradient_learner(kind: type[GradientLearner], curves: Sequence[Curve], seeds: Sequence[int]) -> Strided:
    first = curves[0]
    problem = first.problem.objective(first.scenario, first.policy, seeds[0])
    settings = [curve.learner.for_clients(problem.clients) for curve in curves]
    if kind.one_cost:
        problem = first.problem.objective(first.scenario, first.policy, seeds[0], shared=True)
    linked = settings[0].marked(LINKS)
    links = getattr(settings[0], linked[0]) if linked else first.messaging
    learner = kind(problem, links, seed=seeds, **_arguments(settings))
    assert isinstance(settings[0], GradientSettings)
    return Strided(learner, settings[0].stride, settings[0].most)


def _arguments(settings: Sequence[LearnerSettings]) -> dict[str, Any]:
    """The keyword arguments of a learner with these settings as variants."""
    first = settings[0]
    skipped = {"kind", *first.marked(LINKS), *first.marked(OF_CURVES)}
    varied = {name: [getattr(one, name) for one in settings] for name in first.marked(VARIES)}
    return {name: getattr(first, name) for name in type(first).model_fields if name not in skipped} | varied
