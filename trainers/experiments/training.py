"""Training of one group of runs: evaluates, writes rows and checkpoints, goes on where an earlier process stopped."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from trainers.experiments.experiment import Experiment
from trainers.experiments.figures import Reached
from trainers.experiments.groups import Group, GroupFiles
from trainers.experiments.strided import AnyLearner
from trainers.workbench.progress import Cadence
from trainers.workbench.threads import one_thread

OnEvaluation = Callable[[int], bool]
"""Called with the iteration at each evaluation; returns True to save and stop."""


def train(
    experiment: Experiment, group: Group, run: Path, on_evaluation: OnEvaluation, *, device: str, save_every: float
) -> bool:
    """Train a group to its end, or save and stop when asked to.

    Args:
        experiment: of the group.
        group: curves and seeds that train side by side.
        run: the run directory.
        on_evaluation: called with the iteration at each evaluation; returns True to save and stop.
        device: "cpu" or "cuda".
        save_every: seconds between checkpoints, at least.

    Returns:
        True where the group is at its end.
    """
    files = GroupFiles(run, group)
    with files.locked(), one_thread(), np.errstate(over="ignore", invalid="ignore"):  # what diverges is reported as such
        if files.finished():
            files.forget_checkpoints()
            on_evaluation(experiment.iterations)
            return True
        learner, resumed = files.load(lambda: experiment.build(group.curves, group.seeds, device), experiment.iterations)
        evaluation = Evaluation(group, files, learner, experiment.until)
        if not resumed:
            evaluation.write()
        cadence, stop = Cadence(save_every), on_evaluation(learner.iteration)

        def over() -> bool:
            return learner.done or evaluation.there or learner.iteration >= experiment.iterations

        while not (stop or over()):
            learner.learn(min(experiment.evaluate_every, experiment.iterations - learner.iteration))
            evaluation.write()
            stop = on_evaluation(learner.iteration)
            if not over() and (stop or cadence.due()):
                with cadence.spending():
                    files.save(learner.iteration, learner.state())
        if not over():
            return False
        files.finish(learner.parameters)
        return True


class Evaluation:
    """Writer of evaluations: rows of the group's runs, and of those that diverged."""

    def __init__(self, group: Group, files: GroupFiles, learner: AnyLearner, until: Reached | None = None) -> None:
        self._group, self._files, self._learner, self._until = group, files, learner, until
        self.there = False
        """True once all runs have reached `until`, or have diverged."""
        self._diverged = {(row[0], int(row[1])) for row in files.rows("diverged.csv")}

    def write(self) -> None:
        """Write one row for each run that is sound, and one in diverged.csv for each that is so no longer."""
        report, sound = self._learner.report(), self._learner.finite()
        self._files.reports(report)
        judged = next(iter(report))
        rows, diverged, there = [], [], self._until is not None
        for variant, curve in enumerate(self._group.curves):
            for index, seed in enumerate(self._group.seeds):
                at = (index, variant)
                if (curve, seed) in self._diverged:
                    continue
                key = {"curve": curve, "seed": seed, "iteration": self._learner.iteration}
                if sound[at] and np.isfinite(report[judged][at]):
                    values = {name: column[at].item() for name, column in report.items()}
                    there = there and self._reached(values)
                    rows.append(key | values | {"wall_seconds": self._learner.train_seconds / sound.size})
                else:
                    self._diverged.add((curve, seed))
                    diverged.append(key | {"quantity": judged if sound[at] else "parameters"})
        self._files.append("metrics.csv", rows)
        self._files.append("diverged.csv", diverged)
        self.there = there

    def _reached(self, values: dict[str, float]) -> bool:
        return self._until is not None and values[self._until.column] <= self._until.below
