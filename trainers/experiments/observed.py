"""A learner whose messages an observer hears, and the share of its agents' secrets that a fitted attacker infers from them.

Privacy as Section V of Behmandpoor et al. (2024) has it, measured: agents share scalars, not gradients. The observer hears the
entries of all agents (`trainers.experiments.observer`). The attacker knows the laws of the network and the algorithm, so that
it can run both on layouts of its own, where it sees the secrets, too; then it guesses those of layouts that it has not seen,
from what it hears there (`trainers.experiments.attacker`). Another attacker may do better: at least this share leaks.

Secrets of an agent, one column of metrics.csv each:
    explained_rate          its mean utility in the slots kept for evaluation, with the policies of now
    explained_channel       its mean signal-to-noise ratio at full power, in dB
    explained_policy        its powers for `GIVEN` inputs, the same for all agents
    explained_parameters    theta
"""

from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from trainers.algorithms.base.learner import Learner, Seeds
from trainers.algorithms.base.message_passing import MessagePassingLearner, Messagings
from trainers.algorithms.base.settings import LearnerSettings
from trainers.algorithms.first_order import FirstOrderLearner
from trainers.algorithms.zeroth_order import ZerothOrderSettings
from trainers.experiments.attacker import Attacker
from trainers.experiments.observer import ScalarObserver, SlopeObserver
from trainers.problems.problem import Problem
from trainers.problems.wireless import WirelessProblem
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, Count, Seed
from wirelessenv.streams import MOST_SEEDS

GIVEN = 64
"""Inputs at which policies are compared, from the attacker's own layouts."""


class ObservedSettings(LearnerSettings):
    """A learner whose messages an observer hears; its columns explained_* say what a fitted attacker infers from them."""

    kind: Literal["observed"] = "observed"
    seeds_together: ClassVar[int] = MOST_SEEDS  # one attacker for all

    of: LearnerSettings = Field(ZerothOrderSettings(), description="the learner: zeroth_order, or first_order")
    layouts: Annotated[Count, Field(ge=2, le=1000)] = Field(
        40, description="layouts that the attacker is fitted on; none of them is reported"
    )
    first_layout: Seed = Field(5000, description="seed of the first of them; the others follow")


class ObservedLearner(Learner):
    """A message-passing learner with an observer beside it, which changes no number of it.

    >>> from trainers import WirelessProblem
    >>> problem = WirelessProblem({"preset": "dense", "transmitters": 3}, seed=[0, 1], evaluation_slots=20)
    >>> learner = ObservedLearner(problem, "centralised", layouts=4, seed=[0, 1])
    >>> learner.learn(2).report()["explained_rate"].shape
    (2, 1)

    Args:
        problem: the wireless network.
        links: a `Messaging`, its preset's name or a mapping; agents query in every instant.
        seed: the run's seed, or one for each run of the problem.
        settings: those of `ObservedSettings`, by name.

    Raises:
        ConfigError: for settings that do not fit each other; one sentence.
    """

    Settings = ObservedSettings
    settings: ObservedSettings
    problem: Problem
    takes = ("seeds", "agents", "policies", "measure")
    wants = "secrets of agents need a WirelessProblem"

    def __init__(self, problem: Problem, links: Messagings = "paper", *, seed: Seeds = 0, **settings: Any) -> None:
        super().__init__(problem, links, seed=seed, **settings)

    def _begin(self) -> None:
        if not isinstance(self.problem, WirelessProblem):
            raise ConfigError(f"problem: {type(self.problem).__name__} is not valid: {self.wants}")
        fitted = range(self.settings.first_layout, self.settings.first_layout + self.settings.layouts)
        if seen := sorted(set(fitted) & set(self.seeds)):
            raise ConfigError(f"seed: {seen[0]} is not valid: the attacker is fitted on it; choose another first_layout")
        configuration = self.problem.configuration() | {"seed": [*fitted, *self.seeds]}
        self._whole = WirelessProblem.from_configuration(configuration, self.problem.device)
        self.learner = self._learner()
        kind = SlopeObserver if isinstance(self.learner, FirstOrderLearner) else ScalarObserver
        self.observer = kind(self.learner.said)

    def _learner(self) -> MessagePassingLearner:
        """The learner that is observed, on the attacker's layouts, and then on those that are reported."""
        of = self.settings.of
        arguments = {name: getattr(of, name) for name in type(of).model_fields if name != "kind"}
        if not issubclass(of.learner, MessagePassingLearner):
            raise ConfigError(f"of: {of.learner.__name__} is not valid: its agents do not send measurements of their own")
        learner: MessagePassingLearner = of.learner(self._whole, self.links[0], seed=self._whole.seeds, **arguments)
        if any(not messaging.activity.query.certain for messaging in learner.links):
            raise ConfigError("links.activity.query: not valid: an observer hears agents that query in every instant")
        return learner

    @cached_property
    def _given(self) -> Tensor:
        """Inputs at which policies are compared, (GIVEN, inputs)."""
        inputs = self._whole.evaluation_inputs[: self.settings.layouts].flatten(0, 2)
        return inputs[torch.linspace(0, len(inputs) - 1, GIVEN).long()]

    def _update(self) -> None:
        self.learner.learn(1)
        self.observer.hear(self.learner.said)

    @property
    def parameters(self) -> Tensor:
        """The policies theta of the layouts that are reported, (runs, agents, 1, size)."""
        return self.learner.parameters[self.settings.layouts :]

    def secrets(self) -> dict[str, Doubles]:
        """Secrets of all agents, the attacker's layouts first, (layouts, agents, numbers)."""
        theta = self.learner.parameters
        flat = theta.flatten(0, 2)
        powers = self._whole.policies(flat, self._given.expand(len(flat), *self._given.shape))
        powers = self._whole.policies.limited(powers.reshape(*theta.shape[:2], -1).movedim(1, -1)).movedim(-1, 1)
        ratio = np.diagonal(self._whole.interference_to_noise(), axis1=1, axis2=2)
        return {
            "rate": self._whole.utilities(theta)[:, 0, :, None],
            "channel": 10 * np.log10(ratio)[..., None],
            "policy": powers.double().cpu().numpy(),
            "parameters": theta[:, :, 0].double().cpu().numpy(),
        }

    def explained(self) -> dict[str, Doubles]:
        """Share of each secret that the attacker explains in the layouts that are reported, (runs,); before it hears, 0."""
        mine, secrets = self.settings.layouts, self.secrets()
        if not self.iteration:
            return {name: np.zeros(len(self.seeds)) for name in secrets}
        marks = self.observer.marks()
        sound = [np.isfinite(each).all((1, 2)) for each in (marks, *secrets.values())]
        finite = np.logical_and.reduce(sound)
        fitted = np.flatnonzero(finite[:mine])
        found = {name: np.full(len(self.seeds), np.nan) for name in secrets}
        if len(fitted) > 1:
            for name, secret in secrets.items():
                attacker = Attacker(marks[fitted], secret[fitted])
                found[name][finite[mine:]] = attacker.explained(marks[mine:][finite[mine:]], secret[mine:][finite[mine:]])
        return found

    def measures(self) -> dict[str, NDArray[Any]]:
        """Measures of the learner, and the shares that are explained, each (1, runs)."""
        known = {name: values[:, self.settings.layouts :] for name, values in self.learner.measures().items()}
        return known | {f"explained_{name}": share[None] for name, share in self.explained().items()}

    def finite(self) -> NDArray[np.bool_]:
        """Mask of the runs whose parameters are all finite, (runs, 1)."""
        return self.learner.finite()[self.settings.layouts :]

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here: that of the learner, and of the observer."""
        own = {"iteration": self.iteration, "train_seconds": self.train_seconds}
        return {**own, "learner": self.learner.state(), "observer": self.observer.state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        self.learner.set_state(state["learner"])
        self.observer.set_state(state["observer"])
        self.iteration, self.train_seconds = state["iteration"], state["train_seconds"]

    def _problem_configuration(self) -> dict[str, Any]:
        return dict(self.problem.configuration())

    def _dumped_links(self) -> Any:
        return [one.dump() for one in self.learner.links]

    @classmethod
    def _problem_of(cls, path: Any, saved: dict[str, Any], given: Problem | None, device: str) -> Problem:
        return MessagePassingLearner._problem_of(path, saved, given, device)
