"""A learned method of comparisons after one training: it decides, and is saved and loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, cast

import baselines.comparison.comparison  # noqa: F401  # all methods are known from there
from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import Learned, Method, refuse_without_lists
from trainers.workbench.files import read_tensors, write_tensors
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError
from wirelessenv.scenario import Scenario
from wirelessenv.sentences import shown


class TrainedMethod:
    """A learned method, such as the GNN or PPO, with what one training across layouts has taught it.

    `evaluate` takes it as it takes any policy.
    """

    def __init__(self, method: Learned, scenario: Scenario | str | Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """A method with the state that a training ended with.

        Args:
            method: its settings.
            scenario: that it was trained for.
            state: of the training's last stage.

        Raises:
            ConfigError: for a method that learns on each layout by itself.
        """
        if not method.across:
            raise ConfigError(f"method: {type(method).__name__} is not valid: it learns on each layout, and for that one alone")
        self.method, self.scenario, self.state = method, Scenario.of(scenario), dict(state)

    @classmethod
    def train(cls, method: Learned, scenario: Scenario | str | Mapping[str, Any], seed: int = 0) -> Self:
        """Train a method across layouts.

        Args:
            method: its settings.
            scenario: the network.
            seed: of the training.

        Returns:
            The trained method.

        Raises:
            ConfigError: for settings that do not fit each other.
        """
        scenario = Scenario.of(scenario)
        method.check_bands(scenario)
        method.check(scenario)
        trained = cls(method, scenario, {})  # refuses before it trains
        trained.state = method.learned(scenario, seed)
        return trained

    def predict(self, held: HeldOut) -> Doubles:
        """Powers on slots of some layouts, (layouts, warm_up + slots, m).

        Raises ConfigError where its state does not fit it or the slots' scenario.
        """
        refuse_without_lists(self.method, held.scenario)
        self.method.check_bands(held.scenario)
        self.method.check(held.scenario)
        return self.method.powers(held, self.state)

    def save(self, path: str | Path) -> None:
        """Write it into one file, as a whole or not at all."""
        write_tensors(Path(path), {"method": self.method.dump(), "scenario": self.scenario.dump(), "state": self.state})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The method of a file; raises ConfigError where it is none."""
        found = read_tensors(Path(path))
        if not isinstance(found, dict) or set(found) != {"method", "scenario", "state"} or not isinstance(found["state"], dict):
            raise ConfigError(f"{path}: this is no trained method")
        kind = found["method"].get("kind") if isinstance(found["method"], dict) else None
        if kind not in Method.kinds or not issubclass(Method.kinds[kind], Learned):  # so that a file names no code to run
            raise ConfigError(f"{path}: this is no trained method: nobody knows its kind {shown(kind)}")
        return cls(cast(Learned, Method.parse(found["method"], str(path))), Scenario.of(found["scenario"]), found["state"])
