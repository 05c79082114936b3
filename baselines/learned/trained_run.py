"""Policies of the project's own trainers, from a run directory that is there, or that is trained for the comparison."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator

from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import BITS, Learned, NeededKnowledge, Preparing, Stage
from baselines.learned.seen import knowledge_for, sent_for
from trainers.algorithms.base.settings import GradientSettings
from trainers.experiments import runner
from trainers.experiments.experiment import Experiment
from trainers.experiments.problem_settings import WirelessSettings
from trainers.experiments.run_directory import RunDirectory
from trainers.problems.inputs import Inputs
from trainers.problems.policies import Policies, PolicySettings, by_agents
from trainers.workbench.files import reading
from trainers.workbench.kept_sources import checksum, contents
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, nearest
from wirelessenv.envs.observations import Aggregation, Observation
from wirelessenv.saved_state import MOST_COUNTED
from wirelessenv.scenario import Scenario
from wirelessenv.sources import Checksum, SourcePath, brief, identity

AGAIN = "the run's own command with --resume makes it anew"


class TrainedRun(Learned):
    """A curve of an experiment of the trainers: seed s has learned on layout s.

    `run` names a run directory, which must hold the comparison's scenario and layouts. `config` names an experiment instead,
    which is trained on the comparison's scenario and layouts, in the comparison's own directory.
    """

    kind: Literal["trainers"] = "trainers"
    with_bands = True
    seeds: Literal[1] = Field(1, description="a run has one training for each layout")
    curve: str
    run: SourcePath | None = Field(None, description="a run directory")
    config: SourcePath | None = Field(None, description="or an experiment to be trained")
    sha256: Checksum | None = Field(None, description="of what is named, noted when it is read; where given, it is checked")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.run is None) == (self.config is None):
            raise ValueError("run, config: give one of them: a run directory, or an experiment to be trained")
        if self.sha256 is None:
            with suppress(ConfigError, OSError):  # `refuse` says what is wrong
                self.__dict__["sha256"] = self._held()  # a frozen model's own note of what it has read
        return self

    def _held(self) -> str:
        source = self.run or str(self.config)
        return checksum(contents(source), source)

    @property
    def across(self) -> bool:
        return False

    @property
    def knows(self) -> NeededKnowledge:
        return "neighbours" if "neighbours" in map(knowledge_for, self._observation()) else "own channel"

    def bits(self, scenario: Scenario) -> float:
        return float(BITS * sum(sent_for(part, scenario) for part in self._observation()))

    def _source(self) -> Experiment:
        return RunDirectory(self.run).experiment() if self.run is not None else Experiment.load(str(self.config))

    def _observation(self) -> tuple[Observation, ...]:
        """The parts that its policies see; `refuse` says what is wrong with other problems."""
        source = self._source()
        problem = source.curve(self.curve).problem if self.curve in source.curves else None
        return problem.observation if isinstance(problem, WirelessSettings) else (Aggregation(),)

    @property
    def knows_in_training(self) -> NeededKnowledge:
        """Gradients of a rate are taken through all channels; without delay everybody knows at once what anybody knows."""
        curve = self._source().curve(self.curve)
        all_at_once = curve.messaging.links.delay.largest == 0
        return "everything" if all_at_once or isinstance(curve.learner, GradientSettings) else "neighbours"

    def refuse(self, scenario: Scenario, layouts: Sequence[int]) -> None:
        """Refuse a run that does not hold the comparison's layouts, or an experiment that does not fit it.

        Args:
            scenario: of the comparison.
            layouts: seeds of its layouts.

        Raises:
            ConfigError: where the run or the experiment cannot be used.
        """
        if self.run is not None:
            self._check(RunDirectory(self.run), scenario, layouts)
        elif self.config is not None:
            experiment = self._experiment(self.config, scenario, layouts)
            self._check_curve(experiment, self.config, scenario)
            experiment.build([self.curve], layouts[:1])

    def prepare(self, scenario: Scenario, layouts: Sequence[int], folder: Path, how: Preparing) -> None:
        """Train the experiment, where one is named, in a folder of the comparison.

        Args:
            scenario: of the comparison.
            layouts: seeds of its layouts.
            folder: the run directory.
            how: where it is trained, and what is shown of it.

        Raises:
            ConfigError: where the source is not the same any more.
            ShardFinished: where other shards are still at it.
        """
        if self.sha256 != self._held():
            raise ConfigError(f"{self.run or self.config}: has changed since the comparison was begun with it")
        if self.config is not None:
            experiment = self._experiment(self.config, scenario, layouts)
            if how.shard is None and RunDirectory(folder).made_with_other_code(experiment):
                shutil.rmtree(folder)  # it is the comparison's own, and what it holds is to be made anew
            runner.run(experiment, folder, resume=True, **how._asdict())

    def _experiment(self, config: str, scenario: Scenario, layouts: Sequence[int]) -> Experiment:
        experiment = Experiment.load(config)
        self._known_curve(experiment, config)
        one = {self.curve: experiment.curves[self.curve]}
        changes: dict[str, Any] = {
            "scenario": scenario.dump(),
            "seeds": list(layouts),
            "curves": one,
            "panels": [{}],
            "reference": None,
        }
        return Experiment.parse(experiment.dump() | changes, config)

    def _place(self, folder: Path) -> Path:
        return folder if self.run is None else Path(self.run)

    def _known_curve(self, experiment: Experiment, where: str) -> None:
        if self.curve not in experiment.curves:
            raise ConfigError(f'curve: "{self.curve}" is not a curve of {brief(where)}{nearest(self.curve, experiment.curves)}')

    def _check_curve(self, experiment: Experiment, where: str, scenario: Scenario) -> None:
        self._known_curve(experiment, where)
        curve = experiment.curve(self.curve)
        if not isinstance(curve.problem, WirelessSettings):
            raise ConfigError(f"{brief(where)}: is a run of another problem: its policies choose no powers")
        there, here = identity(curve.scenario.dump()), identity(scenario.dump())
        for key in here:
            if key != "preset" and there[key] != here[key]:
                raise ConfigError(
                    f"{brief(where)}: is a run of another scenario: its {key} is {there[key]}, and that of the comparison "
                    f"{here[key]}"
                )

    def _check(self, directory: RunDirectory, scenario: Scenario, layouts: Sequence[int]) -> None:
        experiment = directory.experiment()
        self._check_curve(experiment, str(directory.path), scenario)
        missing = sorted(set(layouts) - set(experiment.seeds))
        if missing:
            raise ConfigError(f"{directory.path}: does not hold layout {missing[0]}: it has {len(experiment.seeds)} seeds")
        if not directory.finished(experiment):
            raise ConfigError(f"{directory.path}: is not finished: python -m trainers CONFIG --out {directory.path} --resume")

    def train(self, scenario: Scenario, seed: int, layout: int | None, folder: Path | None = None) -> Iterator[Stage]:
        """Read from the run what it has kept of one layout: the learning curve, each stage with the policies of the end.

        Args:
            scenario: of the comparison.
            seed: not used: a run has one training for each layout.
            layout: seed of the layout.
            folder: that `prepare` has trained in.

        Yields:
            Stages, in order.
        """
        assert layout is not None
        assert folder is not None
        directory = RunDirectory(self._place(folder))
        curve = directory.experiment().curve(self.curve)
        assert isinstance(curve.problem, WirelessSettings)
        seen = Inputs(observation=curve.problem.observation).dump()
        state = {"parameters": directory.policies(self.curve, layout), "policy": curve.policy.dump(), **seen}
        slots, bits, seconds, each_slot = 0, 0.0, 0.0, self.bits(scenario)
        for row in self._learning_curve(directory, layout):
            slots, relative = int(row["slots"]), float(row["utility"] / row["full_power_utility"])
            bits = float(row["bits"]) + slots * each_slot  # messages, and what the policies see
            seconds = float(row["wall_seconds"])
            yield Stage(slots, bits, state, relative, seconds)
        if any((row["curve"], int(row["seed"])) == (self.curve, layout) for row in directory.diverged()):
            yield Stage(slots, bits, state, torch.nan, seconds)

    def _learning_curve(self, directory: RunDirectory, layout: int) -> list[dict[str, Any]]:
        """Read the evaluations of one layout; raises ConfigError where they are not numbers of such a run."""
        names = ["slots", "bits", "wall_seconds", "utility", "full_power_utility"]
        with reading(directory.metrics_file, AGAIN):
            metrics = directory.metrics()
            if lacking := [name for name in names if name not in metrics]:
                raise ConfigError(f'is damaged: it has no column "{lacking[0]}"')
            rows = metrics[(metrics["curve"] == self.curve) & (metrics["seed"] == layout)].sort_values("iteration")
            table = rows[names].to_numpy(float)
            if not np.isfinite(table).all() or (table[:, :3] < 0).any() or (table[:, 0] > MOST_COUNTED).any():
                raise ConfigError("is damaged: its slots, bits, seconds and utilities are not all finite")
        return [dict(zip(names, row, strict=True)) for row in table]

    def powers(self, held: HeldOut, state: dict[str, Any]) -> Doubles:
        scenario, parameters = held.scenario, torch.as_tensor(state["parameters"]).float()
        seen, settings = Inputs.of(state["observation"]), PolicySettings.parse(state["policy"], "policy")
        policies = Policies(seen.size(scenario), scenario.bands, 0.0, scenario.p_max, settings, budget=True)
        features = torch.as_tensor(seen.of_block(scenario, held.block))
        *_, agents, width = features.shape
        if tuple(parameters.shape) not in ((policies.size,), (agents, policies.size)):
            raise ConfigError(f"its parameters, of the shape {tuple(parameters.shape)}, do not fit {agents} policies")
        rows = parameters.reshape(-1, policies.size)
        inputs = features.reshape(-1, len(rows), width).transpose(0, 1)
        with torch.no_grad():
            powers = policies.limited(by_agents(policies(rows, inputs), features.shape[:3]))
        return np.asarray(powers.double())
