"""A comparison's tables, from comparison.csv alone."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from baselines.comparison.comparison import Signalling
from baselines.comparison.directory import ComparisonDirectory
from baselines.comparison.methods import Learned, Method
from trainers.workbench.files import write_atomically
from trainers.workbench.intervals import Interval, interval
from trainers.workbench.outcomes import beside, told
from trainers.workbench.terminal import markdown_table
from wirelessenv.arrays import Doubles
from wirelessenv.text import one_line

Row = dict[str, str]


def write_tables(directory: ComparisonDirectory) -> None:
    """Write the tables as Markdown: for every scenario the results of each method, and its costs."""
    comparison = directory.configuration()
    lines = [f"# {one_line(comparison.title or 'Comparison')}", "", _explained(comparison.layouts, comparison.slots)]
    rows = directory.table("comparison.csv")
    for scenario, reached, costs in tables(directory):
        lines += ["", f"## {one_line(scenario)}", "", *markdown_table(reached), "", *markdown_table(costs)]
        if comparison.signalling is not None:
            left = after_signalling(rows[rows["scenario"] == scenario], comparison.signalling)
            lines += ["", _signalling_explained(comparison.signalling), "", *markdown_table(left)]
    write_atomically(directory.path / "comparison.md", ("\n".join(lines) + "\n").encode())


def tables(directory: ComparisonDirectory) -> Iterator[tuple[str, list[Row], list[Row]]]:
    """(scenario, rows of results, rows of costs) for every scenario."""
    comparison = directory.configuration()
    asked = comparison.layouts * comparison.optimum.slots if comparison.optimum else 0
    for scenario, rows in directory.table("comparison.csv").groupby("scenario", sort=False):
        methods = [(str(name), some) for name, some in rows.groupby("method", sort=False)]
        reached = [_reached(name, some, asked, said(some, comparison.methods[name])) for name, some in methods]
        yield str(scenario), reached, [_costs(name, some) for name, some in methods]


def after_signalling(rows: pd.DataFrame, signalling: Signalling) -> list[Row]:
    """Utility over that of WMMSE without its signalling, times the share of a slot that signalling leaves.

    Args:
        rows: of comparison.csv, of one scenario.
        signalling: its rate, and lengths of a slot.

    Returns:
        A row for each method, a column for each length; the largest of a column is marked.
    """
    left: dict[str, list[float]] = {}
    for name, some in rows.groupby("method", sort=False):
        sound = some[some["utility"].notna()]
        reached = relative(sound, "wmmse").estimate if len(sound) else math.nan
        bits = float(some["bits_a_slot"].iloc[0])
        shares = [max(0.0, 1 - bits / (signalling.bits_per_second * slot)) for slot in signalling.slots]
        left[str(name)] = [reached * share for share in shares]
    best = np.nanmax(np.array(list(left.values())), axis=0)
    titles = [f"slots of {1e3 * slot:g} ms" for slot in signalling.slots]
    return [
        {"method": name} | {title: _marked(value, most) for title, value, most in zip(titles, values, best, strict=True)}
        for name, values in left.items()
    ]


def _marked(value: float, best: float) -> str:
    if math.isnan(value):
        return ""
    return f"**{value:.3f}**" if value == best else f"{value:.3f}"


def _signalling_explained(signalling: Signalling) -> str:
    return (
        "What is left when signalling takes its share of the slot: x WMMSE (which is told everything free of charge) times "
        f"(1 - bits a slot / bits that a slot could carry at {amount(signalling.bits_per_second)}bit/s, all agents together)."
    )


def said(rows: pd.DataFrame, method: Method) -> str:
    """Remark on a method's trainings that diverged, and when.

    Args:
        rows: of comparison.csv, of one method on one scenario.
        method: that they are of.

    Returns:
        A few words; "" where none diverged.
    """
    if not isinstance(method, Learned):
        return ""
    each = rows.groupby("seed" if method.across else ["seed", "layout"])
    lost = each["utility"].apply(lambda values: values.isna().any())
    at = each["training_slots"].first()[lost].astype(int)
    return told(len(lost) - len(at), len(lost), at, "slots")


def relative(rows: pd.DataFrame, reference: str) -> Interval:
    """Utility over that of a reference on the same layout: interquartile mean over layouts and its 95 % interval.

    Trainings are averaged first: the unit is the layout, and paired, normalised differences are resampled.

    Args:
        rows: of comparison.csv, of one method on one scenario.
        reference: "full_power", "wmmse", or another one that has a column of utilities.

    Returns:
        The mean with its interval.
    """
    ratio = (rows["utility"] / rows[f"{reference}_utility"]).groupby(rows["layout"]).mean().dropna()
    return interval(ratio.to_numpy(float), "interquartile_mean")


def _reached(name: str, rows: pd.DataFrame, asked: int, lost: str) -> Row:
    """A row of results of one method.

    `asked`: slots in which the optimum was looked for; `lost`: a remark on the trainings that diverged.
    """
    sound = rows[rows["utility"].notna()]
    row = {"method": name}
    for title, reference in (("x full power", "full_power"), ("x WMMSE", "wmmse")):
        row[title] = beside(with_interval(relative(sound, reference)) if len(sound) else "", lost)
    found = int(rows["optimum_slots"].groupby(rows["layout"]).first().sum())
    if found:
        share = rows["optimum_share"].groupby(rows["layout"]).mean().dropna()
        title = "of the optimum" if found == asked else f"of the optimum (in {found} of {asked} slots)"
        if "optimum_gap" in rows and rows["optimum_gap"].notna().any():
            title += f" (certified to {math.ceil(1000 * rows['optimum_gap'].max()) / 10:g} %)"  # where time was up
        row[title] = with_interval(interval(share.to_numpy(float), "interquartile_mean")) if len(share) else ""
    for column, title in _PLAIN.items():
        middle = interval(by_layout(sound, column), "interquartile_mean").estimate if len(sound) else None
        row[title] = "" if middle is None else f"{float(middle):.3g}"
    return row | {"trainings": _trainings(sound)}


_PLAIN = {"p5_rate": "5th-percentile rate", "jain": "Jain index", "energy_efficiency": "rate / power"}


def by_layout(rows: pd.DataFrame, column: str) -> Doubles:
    """A column, mean over trainings, with one value for each layout.

    Args:
        rows: of comparison.csv, of one method on one scenario.
        column: its name.

    Returns:
        Values (layouts,).
    """
    return rows[column].groupby(rows["layout"]).mean().to_numpy(float)


def _trainings(rows: pd.DataFrame) -> str:
    """Number of trainings, and their range of "x full power"."""
    if rows["seed"].isna().all():
        return ""  # it has none, or none came through
    each = [relative(some, "full_power").estimate for _, some in rows.groupby("seed")]
    return f"{len(each)} ({min(each):.3f} to {max(each):.3f})" if len(each) > 1 else "1"


def _costs(name: str, rows: pd.DataFrame) -> Row:
    first = rows.iloc[0]
    learned = not rows["seed"].isna().all()
    return {
        "method": name,
        "must know": str(first["knows"]),
        "to learn": str(first["knows_in_training"]) if learned else "",
        "trained": str(first["trained"]) if learned else "",
        "slots of training": amount(rows["training_slots"].mean()) if learned else "",
        "bits in training": amount(rows["training_bits"].mean()) if learned else "",
        "bits a slot": amount(first["bits_a_slot"]),
        "ms a slot": f"{rows['decision_ms'].mean():.2g}" if rows["utility"].notna().any() else "",
    }


def amount(number: float) -> str:
    """A number in short, such as 1.2 M for 1230000."""
    for size, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.2g}{name}" if number < 100 * size else f"{number / size:.0f}{name}"
    return f"{number:.0f}"


def with_interval(found: Interval) -> str:
    """An estimate and, where it has one, its interval, as they stand in tables."""
    return f"{found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]" if np.isfinite(found.low) else f"{found.estimate:.3f}"


def _explained(layouts: int, slots: int) -> str:
    return (
        f"Everybody on the same {slots} held-out slots of {layouts} layouts. Utilities are divided by those of full power, or "
        "of WMMSE, on the same layout: interquartile mean over layouts with its 95 % bootstrap interval (BCa). Trainings are "
        "averaged first; their range stands in the last column. 5th-percentile rate: of the users of a layout, bit/s/Hz, mean "
        "over slots. Rate / power: sum of rates over sum of powers. Both, like the Jain index, are interquartile means over "
        "layouts. Bits: 32 a number, and in messages that are passed on whose it is and when; where everything must be known, "
        "all gains and all powers travel. ms a slot: one network's decision on one core, in a batch of all layouts, or of one "
        "where a method has learned on each; reinforcement learners with their environment's step, policies without the "
        "exchange of what they see."
    )
