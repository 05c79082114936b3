"""The claims of the papers, checked: what each says, what was measured, and whether it holds.

configs/paper/claims.yaml states every claim: whose it is, which run's which statistic decides, and the threshold; and which
of them were written when results had been seen. A claim holds if the whole 95 % interval is on its side of the threshold,
fails if the whole of it is on the other, and is undecided otherwise, and where fewer than half of the layouts have a value:
those on which a method did not diverge are not like the others.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from trainers.experiments.experiment import Experiment
from trainers.experiments.problem_settings import WirelessSettings
from trainers.experiments.run_directory import RunDirectory
from trainers.fidelity import (
    deciding,
    end_statistics,  # noqa: F401  # registers its kinds
)
from trainers.fidelity.reruns import Rerun
from trainers.fidelity.statistics import Curves, NoValue, Statistic
from trainers.workbench.files import write_atomically
from trainers.workbench.intervals import Interval, interval
from trainers.workbench.terminal import markdown_table
from wirelessenv.config import Model, Number, read_yaml

Verdict = Literal["holds", "fails", "undecided"]
QUICK = ("iterations=400", "evaluate_every=50", "seeds=4")
"""Changes of every configuration with --quick: enough to see that everything runs, too little to decide."""


class Claim(Model):
    """One claim and what decides it."""

    claim: str = Field(description="what is claimed, in our words")
    source: str = Field(description="where it is claimed")
    run: str = Field(description="the run that decides: a name of `runs`, or a configuration beside the claims file")
    statistic: Statistic
    average: Literal["mean", "median"] = "median"
    above: Number | None = None
    below: Number | None = None
    note: str = Field("", description="what was found about a verdict; may be written after the run, changes nothing")

    @model_validator(mode="after")
    def _has_a_threshold(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("above: missing: a claim needs a threshold: above, below, or both")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError(f"above: {self.above} is not valid: it should be less than below, {self.below}")
        return self

    def verdict(self, found: Interval) -> Verdict:
        """Verdict on an interval: within the claim's bounds, outside them, or across one."""
        low = float("-inf") if self.above is None else self.above
        high = float("inf") if self.below is None else self.below
        if low < found.low and found.high < high:
            return "holds"
        return "fails" if found.high < low or found.low > high else "undecided"


class Claims(Model):
    """The claims of a file, by name."""

    runs: dict[str, Rerun] = Field({}, description="runs that are further seeds of a configuration")
    claims: dict[str, Claim] = Field(min_length=1)

    def experiment(self, run: str, folder: Path, changes: Sequence[str] = ()) -> Experiment:
        """Read the experiment of a run: a configuration in the folder, or further seeds of one.

        Args:
            run: its name.
            folder: of the claims file.
            changes: laid over it, such as "iterations=400".

        Returns:
            The experiment.

        Raises:
            ConfigError: where it cannot be used.
        """
        if run in self.runs:
            return self.runs[run].experiment(folder, changes)
        return Experiment.load(folder / f"{run}.yaml", changes)


def check(
    path: Path, runs: Path, make: Callable[[Experiment, Path], RunDirectory], quick: bool = False
) -> list[dict[str, Any]]:
    """Check every claim of a file.

    Args:
        path: of the claims, beside the configurations that they name.
        runs: folder of the run directories.
        make: called with an experiment and its directory; trains what is not trained yet.
        quick: with few layouts and iterations.

    Returns:
        A row for each claim: claim, source, measured, asked, layouts, verdict, remark.

    Raises:
        ConfigError: where the file, or a configuration that it names, cannot be used.
    """
    claims = Claims.parse(read_yaml(path), str(path)).claims
    tables: dict[str, Curves] = {}
    stand_ins: dict[str, str] = {}
    for name, experiment in experiments(path, quick):
        directory = make(experiment, runs / name)
        lost = {(row["curve"], int(row["seed"])): int(row["iteration"]) for row in directory.diverged()}
        tables[name], stand_ins[name] = Curves(directory.metrics(), lost), experiment.problem.stand_in
    return [_row(claim, tables[claim.run], stand_ins[claim.run]) for claim in claims.values()]


def experiments(path: Path, quick: bool = False) -> Iterator[tuple[str, Experiment]]:
    """The experiments that decide claims.

    Args:
        path: of the claims, beside the configurations that they name.
        quick: with few layouts and iterations.

    Yields:
        Name and experiment of each run.

    Raises:
        ConfigError: where the file, or a configuration that it names, cannot be used.
    """
    file = Claims.parse(read_yaml(path), str(path))
    for name in dict.fromkeys(claim.run for claim in file.claims.values()):
        experiment = file.experiment(name, path.parent, QUICK if quick else ())
        if quick and isinstance(experiment.problem, WirelessSettings):
            experiment = file.experiment(name, path.parent, (*QUICK, "problem.evaluation_slots=100"))
        yield name, experiment


def _row(claim: Claim, curves: Curves, stand_in: str = "") -> dict[str, Any]:
    diverged, told = curves.told(claim.statistic.names()), ""
    try:
        values, remark = claim.statistic.values(curves)
    except NoValue:
        values, remark, measured, verdict = np.empty(0), "", diverged or "no value", "undecided"
    else:
        found = interval(values, claim.average)
        between = f" [{found.low:.3g}, {found.high:.3g}]" if np.isfinite(found.low) else ""
        measured, remark = f"{found.estimate:.3g}{between}", "; ".join(part for part in (remark, diverged) if part)
        verdict = claim.verdict(found)
        if 2 * len(values) < len(curves.seeds):
            verdict, told = "undecided", "fewer than half of the layouts have a value, too few to decide"
        elif verdict == "undecided":
            needed = deciding.layouts_needed(len(values), found, claim.above, claim.below)
            told = deciding.sentence(needed, deciding.seconds_a_layout(curves, claim.statistic.names()))
    bounds = [f"{sign} {bound:g}" for sign, bound in ((">", claim.above), ("<", claim.below)) if bound is not None]
    return {
        "claim": claim.claim,
        "source": claim.source,
        "measured": measured,
        "asked": " and ".join(bounds),
        "layouts": len(values),
        "verdict": verdict,
        "remark": "; ".join(part for part in (stand_in, remark, claim.note, told) if part),
    }


def write_tables(rows: list[dict[str, Any]], runs: Path) -> Path:
    """Write the table of claims as CSV and as Markdown.

    Args:
        rows: of `check`.
        runs: the folder.

    Returns:
        Path of the Markdown table.
    """
    write_atomically(runs / "fidelity.csv", pd.DataFrame(rows).to_csv(index=False).encode())
    write_atomically(runs / "fidelity.md", ("\n".join(markdown_table(rows)) + "\n").encode())
    return runs / "fidelity.md"
