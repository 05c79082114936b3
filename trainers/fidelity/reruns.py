"""Runs of a claims file that are further seeds of a configuration: the same experiment, on other layouts."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from trainers.experiments.experiment import Experiment
from wirelessenv.config import ConfigError, Count, Model, Seed, nearest


class Rerun(Model):
    """Some curves of a configuration on further seeds."""

    config: str = Field(description="path of the configuration, from the claims file's folder")
    first_seed: Seed
    seeds: Count = Field(description="how many, from first_seed on")
    curves: tuple[str, ...] = Field((), description="which of its curves; all, where none is named")
    changes: tuple[str, ...] = Field((), description='such as "iterations=4000"')

    def experiment(self, folder: Path, changes: Sequence[str] = ()) -> Experiment:
        """Read the configuration and change its seeds and curves.

        Args:
            folder: of the claims file.
            changes: laid over those of this run.

        Returns:
            The experiment.

        Raises:
            ConfigError: where the configuration cannot be used or lacks a curve.
        """
        seeds = f"seeds={list(range(self.first_seed, self.first_seed + self.seeds))}"
        whole = Experiment.load(folder / self.config, (*self.changes, seeds, *changes))
        if not self.curves:
            return whole
        for name in self.curves:
            if name not in whole.curves:
                raise ConfigError(f'runs: curves: "{name}" is not a curve of {self.config}{nearest(name, whole.curves)}')
        data = whole.dump()
        data["curves"] = {name: data["curves"][name] for name in self.curves}
        if data.get("reference") not in self.curves:
            data["reference"] = None
        return Experiment.parse({key: value for key, value in data.items() if key != "panels"})
