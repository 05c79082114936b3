"""A method of comparisons as a curve of an experiment: WMMSE, or a policy trained elsewhere, beside learners.

With `modules: [baselines.learned.compared]` in an experiment, `learner: {kind: compared, method: {kind: wmmse}}` is a curve. It
learns nothing in the experiment: it decides in the slots in which those beside it are evaluated, at the same times.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

# Whose kinds a configuration may name:
from baselines.comparison import allocation, floor, scheduling  # noqa: F401
from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import Method, Untrained, refuse_without_lists
from baselines.learned import gnn, message_policy  # noqa: F401
from baselines.learned.central import Central
from trainers.algorithms.base.learner import Learner
from trainers.algorithms.base.settings import LearnerSettings
from trainers.problems.saved import rebuilt
from trainers.problems.wireless import WirelessProblem
from wirelessenv.config import ConfigError, Count, Seed
from wirelessenv.scenario import Messaging, Scenario


class ComparedSettings(LearnerSettings):
    """Settings of a method beside learners."""

    kind: Literal["compared"] = "compared"
    seeds_together: ClassVar[int] = 64

    method: Method = Field(
        description="a method of comparisons: an allocator, or a network trained through the rate for other layouts, at rest"
    )
    slots: Count = Field(40, description="slots in an iteration: as many as the learners beside it take")
    training: Seed = Field(0, description="seed of the training, of a method that is trained")


class Compared(Learner):
    """A method that decides in the evaluation slots of a `WirelessProblem`, and waits in between.

    Args:
        problem: the network.
        links: not used: the method has its own.
        seed: the run's seed, or one for each run of the problem.
        settings: those of `ComparedSettings`, by name.

    Raises:
        ConfigError: for a method that does not fit the scenario, or that learns on each layout by itself.
    """

    Settings = ComparedSettings
    settings: ComparedSettings
    problem: WirelessProblem
    takes = ("bank", "wait", "network")
    wants = "a method of comparisons needs a WirelessProblem"

    def _each_link(self, links: Any) -> list[Any]:
        several = isinstance(links, Sequence) and not isinstance(links, str)
        return [Messaging.of(one) for one in (links if several else ["paper" if links is None else links])]

    def _begin(self) -> None:
        method = self.settings.method
        if not (isinstance(method, Untrained) or (isinstance(method, Central) and method.across)):
            kind = method.dump()["kind"]
            raise ConfigError(f'method: "{kind}" is not valid: it should be an allocator, or a network for all layouts')
        refuse_without_lists(method, self.problem.scenario)
        method.check(self.problem.scenario)

    def _update(self) -> None:
        self.problem.wait(self.settings.slots)

    def powers(self) -> Float[np.ndarray, "runs slots m"]:
        """Powers in the slots kept for evaluation."""
        problem, method = self.problem, self.settings.method
        scenario, bank = problem.scenario, problem.bank
        if isinstance(method, Untrained):
            return np.asarray(method.powers(HeldOut(scenario, problem.seeds, 0, bank)))
        assert isinstance(method, Central)
        network = method.network(scenario)
        network.load_state_dict(_trained(method, scenario, self.settings.training))
        layouts = problem.network.layouts if problem.evaluation == "layout" else problem.network.present()
        with torch.no_grad():
            share = network(method.see(scenario, layouts, bank, 0)).sigmoid().double().numpy()
        return np.asarray(share * scenario.p_max)

    def measures(self) -> dict[str, NDArray[Any]]:
        """Measures by name, each (1, runs), as the learners of agents with policies report them."""
        problem, bank = self.problem, self.problem.bank
        powers = self.powers().astype(np.float32)
        utility = problem.network.utilities(bank.wanted, bank.cross, powers).astype(np.float64).mean(1).sum(1)
        every = np.ones(len(self.seeds))
        sent = self.settings.method.bits(problem.scenario) * problem.slots
        told = {
            "utility": utility,
            "full_power_utility": problem.full_power_utility(),
            "slots": every * problem.slots,
            "simulated_seconds": every * problem.slots * problem.slot_seconds,
            **dict.fromkeys(("messages", "entries", "max_age", "dropped_queries"), every * 0),
            **dict.fromkeys(("bits", "bits_delta"), every * sent),
        }
        return {name: values[None].astype(np.int64) if name in WHOLE else values[None] for name, values in told.items()}

    def finite(self) -> NDArray[np.bool_]:
        """True for every run: nothing is learned that could diverge."""
        return np.ones((len(self.seeds), self.variants), bool)

    @property
    def parameters(self) -> Tensor:
        """Nothing is learned: one number for each run."""
        return torch.zeros((len(self.seeds), self.variants, 1))

    def state(self) -> dict[str, Any]:
        return {"iteration": self.iteration, "train_seconds": self.train_seconds, "problem": self.problem.state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        self.problem.set_state(state["problem"])
        self.iteration, self.train_seconds = state["iteration"], state["train_seconds"]

    def _problem_configuration(self) -> dict[str, Any]:
        return self.problem.configuration()

    @classmethod
    def _problem_of(cls, path: str | Path, saved: dict[str, Any], given: Any, device: str) -> Any:
        return rebuilt(saved, device) if given is None else given


WHOLE = ("slots", "messages", "entries", "bits", "bits_delta", "max_age", "dropped_queries")


def _trained(method: Central, scenario: Scenario, seed: int) -> dict[str, Tensor]:
    """Tensors that a training ends with, on the scenario without motion: the same for all speeds, made once in a process."""
    at_rest = Scenario.parse(scenario.dump() | {"mobility": {"kind": "none"}})
    return _training(json.dumps(method.dump()), json.dumps(at_rest.dump()), seed)


@cache
def _training(method: str, scenario: str, seed: int) -> dict[str, Tensor]:
    central = Method.parse(json.loads(method))
    assert isinstance(central, Central)
    return central.learned(Scenario.parse(json.loads(scenario)), seed)
