"""Files of a comparison, in a directory of its own.

config.yaml, manifest.json   the comparison, complete; versions, commit, machine
trainings/, evaluations/, optima/   a file for each finished task: resuming looks at these
runs/                        run directories of the trainers
comparison.csv               a row for every scenario, method, layout and training
learning.csv                 learning curves
comparison (Markdown), *.png, *.pdf   tables and figures
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from baselines.comparison.comparison import FULL_POWER, WMMSE, Comparison
from baselines.comparison.held_out import one_layout
from baselines.comparison.measures import Measured
from baselines.comparison.methods import Learned, Method
from trainers.workbench.files import read_tensors, reading, write_atomically
from trainers.workbench.work_directory import MUST_AGREE, WorkDirectory
from wirelessenv.arrays import Doubles
from wirelessenv.saved_state import MOST_COUNTED, misfit, refuse_misfit, refuse_unsound
from wirelessenv.scenario import Scenario

_TEXT = ("scenario", "method", "knows", "knows_in_training", "trained")
AGAIN = "delete it, and the same command with --resume makes it again"
TaskKind = Literal["trainings", "optima", "evaluations"]


class Task(NamedTuple):
    """One training, optimum or evaluation, done once and kept in a file."""

    kind: TaskKind
    scenario: str
    method: str = ""
    seed: int | None = None
    """Seed of the training, where there is one."""
    layout: int | None = None
    """Seed of the layout; None: all layouts."""


class ComparisonDirectory(WorkDirectory):
    """Directory that holds one comparison's files."""

    what = "comparison"
    must_agree = (*MUST_AGREE, "stable-baselines3")

    def configuration(self) -> Comparison:
        """The comparison that this directory holds; raises ConfigError where it holds none."""
        return self._read_configuration(Comparison)

    def file(self, comparison: Comparison, task: Task) -> Path:
        """File in which a task is kept.

        Args:
            comparison: that the task belongs to.
            task: a training, an optimum or an evaluation.

        Returns:
            Its path, whether it is there or not.
        """
        parts = [_numbered(comparison.scenarios, task.scenario)]
        parts += [_numbered(comparison.methods, task.method)] if task.method else []
        parts += [str(part) for part in (task.seed, task.layout) if part is not None]
        return self.path / task.kind / f"{'-'.join(parts)}.pt"

    def run(self, comparison: Comparison, scenario: str, method: str) -> Path:
        """Folder in which a method may keep what it prepares.

        Args:
            comparison: that both belong to.
            scenario: its name.
            method: its name.

        Returns:
            Its path, whether it is there or not.
        """
        return self.path / "runs" / f"{_numbered(comparison.scenarios, scenario)}-{_numbered(comparison.methods, method)}"

    def read(self, comparison: Comparison, task: Task) -> dict[str, Any]:
        """Results of a task, as its file holds them.

        Args:
            comparison: that the task belongs to.
            task: a training, an optimum or an evaluation.

        Returns:
            Arrays and numbers by name.

        Raises:
            ConfigError: where the file is missing or damaged.
        """
        file = self.file(comparison, task)
        with reading(file, AGAIN):
            found = read_tensors(file)
            _refuse_foreign(comparison, task, {key: value for key, value in found.items() if key != "code"})
            if not isinstance(found.get("code", ""), str):
                raise misfit("code", "is no text")
            return found

    def assemble(self, comparison: Comparison) -> None:
        """Write comparison.csv and learning.csv from the files of all tasks."""
        write_atomically(self.path / "comparison.csv", pd.concat(self._rows(comparison)).to_csv(index=False).encode())
        learning = list(self._learning(comparison))
        columns = ["scenario", "method", "seed", "layout", "slots", "bits", "relative"]
        table = pd.concat(learning) if learning else pd.DataFrame(columns=columns)
        write_atomically(self.path / "learning.csv", table[columns].to_csv(index=False).encode())

    def table(self, name: str) -> pd.DataFrame:
        """comparison.csv or learning.csv; names are text, whatever they look like."""
        return pd.read_csv(self.path / name, dtype=dict.fromkeys(_TEXT, str), keep_default_na=False, na_values=[""])

    def _rows(self, comparison: Comparison) -> Iterator[pd.DataFrame]:
        for scenario in comparison.scenarios:
            utility = {}
            for name in (FULL_POWER, WMMSE):
                reference = evaluations(comparison, scenario, name)[0]
                utility[name] = self._measured(comparison, reference)[0].utility
            for name in comparison.methods:
                for task in evaluations(comparison, scenario, name):
                    measured, told = self._measured(comparison, task)
                    yield pd.DataFrame(
                        {
                            "scenario": scenario,
                            "method": name,
                            "layout": range(comparison.layouts),
                            "seed": "" if task.seed is None else task.seed,
                            **measured.columns(),
                            "full_power_utility": utility[FULL_POWER],
                            "wmmse_utility": utility[WMMSE],
                            **self._shares(comparison, scenario, measured),
                            **self._costs(comparison, scenario, task),
                            "decision_ms": told["decision_ms"],
                        }
                    )

    def _measured(self, comparison: Comparison, task: Task) -> tuple[Measured, dict[str, Any]]:
        told = self.read(comparison, task)
        return Measured(**told["measured"]), told

    def _shares(self, comparison: Comparison, scenario: str, measured: Measured) -> dict[str, Any]:
        """Shares of the optimum in the slots in which it was found, and how many these are."""
        if comparison.optimum is None:
            return {"optimum_share": np.nan, "optimum_slots": 0}
        tasks = [Task("optima", scenario, layout=layout) for layout in range(comparison.layouts)]
        found = [self.read(comparison, task) for task in tasks]
        best = np.array([one["value"] for one in found])
        certified = np.where(np.isnan(best), 0.0, best).sum(1)
        reached = np.where(np.isnan(best), 0.0, measured.first).sum(1)
        share = np.divide(reached, certified, out=np.full_like(reached, np.nan), where=certified > 0)
        gap = np.array([np.nan_to_num(one.get("gap", 0.0)).max() for one in found])
        far = {"optimum_gap": gap} if comparison.optimum.seconds is not None and gap.max() > comparison.optimum.gap else {}
        return {"optimum_share": share, "optimum_slots": (~np.isnan(best)).sum(1), **far}

    def _costs(self, comparison: Comparison, scenario: str, task: Task) -> dict[str, Any]:
        method = comparison.methods[task.method]
        costs: dict[str, Any] = {"training_slots": 0, "training_bits": 0.0, "training_seconds": 0.0}
        if isinstance(method, Learned):
            told = [self.read(comparison, one) for one in trainings_of(comparison, task)]
            costs["training_slots"] = [int(one["curve"][-1, 0]) for one in told]
            costs["training_bits"] = [float(one["curve"][-1, 1]) for one in told]
            costs["training_seconds"] = [float(one["seconds"]) for one in told]
            if method.across:
                costs = {name: values[0] for name, values in costs.items()}
        return costs | {
            "bits_a_slot": method.bits(comparison.scenarios[scenario]),
            "knows": method.knows,
            "knows_in_training": method.knows_in_training if isinstance(method, Learned) else "",
            "trained": trained_on(method, comparison.scenarios[scenario]),
        }

    def _learning(self, comparison: Comparison) -> Iterator[pd.DataFrame]:
        for task in tasks(comparison, "trainings"):
            curve = self.read(comparison, task)["curve"]
            table = pd.DataFrame(curve, columns=["slots", "bits", "relative"])
            layout = "" if task.layout is None else task.layout
            yield table.assign(scenario=task.scenario, method=task.method, seed=task.seed, layout=layout)

    def rates(self, comparison: Comparison, scenario: str, method: str) -> Doubles:
        """Mean rates of all users, of every layout and training, one after the other.

        Args:
            comparison: of this directory.
            scenario: its name.
            method: its name.

        Returns:
            Rates (trainings x layouts x m,) in bit/s/Hz.
        """
        found = [self._measured(comparison, task)[0].rates.ravel() for task in evaluations(comparison, scenario, method)]
        return np.concatenate(found)


def _refuse_foreign(comparison: Comparison, task: Task, found: dict[str, Any]) -> None:
    """Raises ConfigError unless `found` has the names, types and shapes of such a task, and numbers that can be."""
    layouts, agents = comparison.layouts, comparison.scenarios[task.scenario].transmitters
    certified = min(comparison.optimum.slots, comparison.slots) if comparison.optimum is not None else 0
    if task.kind == "optima":
        model = {name: np.zeros(certified) for name in ("value", "gap") if name == "value" or name in found}  # older files
        refuse_misfit(found, model)
        refuse_unsound("optima", [np.nan_to_num(values, nan=0.0, posinf=np.inf) for values in found.values()])
    elif task.kind == "evaluations":
        shapes = Measured((layouts,), (layouts, agents), (layouts,), (layouts, certified))  # type: ignore[arg-type]  # of its parts
        refuse_misfit(
            found, {"measured": {name: np.zeros(shape) for name, shape in shapes._asdict().items()}, "decision_ms": 0.0}
        )
        refuse_unsound("decision_ms", found["decision_ms"])
        refuse_unsound("rates", np.nan_to_num(found["measured"]["rates"], nan=0.0, posinf=np.inf))
    else:
        points = getattr(found.get("curve"), "shape", ())[:1]
        refuse_misfit(found, {"state": found.get("state", {}), "curve": np.zeros((*(points or (1,)), 3)), "seconds": 0.0})
        if not points or points[0] < 1 or not isinstance(found["state"], dict):
            raise misfit("curve", "has no points")
        refuse_unsound("curve", found["curve"][:, :2], 0, MOST_COUNTED)
        refuse_unsound("seconds", found["seconds"])


def trained_on(method: Method, scenario: Scenario) -> str:
    """A few words on the layouts that a method has learned on.

    Args:
        method: of a comparison.
        scenario: that it is compared on.

    Returns:
        "across layouts", "this layout", or "" for a method that does not learn.
    """
    if not isinstance(method, Learned):
        return ""
    return "across layouts" if method.across and not one_layout(scenario) else "this layout"


def evaluations(comparison: Comparison, scenario: str, method: str) -> list[Task]:
    """The evaluations of a method on a scenario, one for each of its trainings.

    Args:
        comparison: of both.
        scenario: its name.
        method: its name.

    Returns:
        The tasks.
    """
    return [Task("evaluations", scenario, method, seed) for seed in comparison.trainings(comparison.methods[method])]


def trainings_of(comparison: Comparison, evaluation: Task) -> list[Task]:
    """The trainings that an evaluation needs: one, or one for each layout.

    Args:
        comparison: that it belongs to.
        evaluation: the task.

    Returns:
        The tasks; none for a method that does not learn.
    """
    method = comparison.methods[evaluation.method]
    if not isinstance(method, Learned):
        return []
    layouts = [None] if method.across else list(range(comparison.layouts))
    scenario, name = _trained_as(comparison, evaluation.scenario, method)
    return [Task("trainings", scenario, name, evaluation.seed, layout) for layout in layouts]


def _trained_as(comparison: Comparison, scenario: str, method: Learned) -> tuple[str, str]:
    """The first scenario and method whose training is that of a method: they share what is learned in it."""
    kind, training = type(method), method.training
    alike = (name for name, one in comparison.methods.items() if type(one) is kind and one.training == training)
    return next(iter(comparison.scenarios)) if method.elsewhere else scenario, next(alike)


def tasks(comparison: Comparison, kind: TaskKind) -> list[Task]:
    """All tasks of one kind, in order.

    Args:
        comparison: of methods on scenarios.
        kind: "trainings", "optima" or "evaluations".

    Returns:
        The tasks.
    """
    if kind == "optima":
        layouts = range(comparison.layouts if comparison.optimum is not None else 0)
        return [Task(kind, scenario, layout=layout) for scenario in comparison.scenarios for layout in layouts]
    found = [
        one for name in comparison.scenarios for method in comparison.methods for one in evaluations(comparison, name, method)
    ]
    if kind == "evaluations":
        return found
    return list(dict.fromkeys(one for task in found for one in trainings_of(comparison, task)))


def _numbered(names: dict[str, Any], name: str) -> str:
    """A file's name for one of several names."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return f"{list(names).index(name):02d}_{plain}"
