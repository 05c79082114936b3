"""Settings of an experiment's figure: its panels, and the axes, curves and points in them."""

from typing import Literal

from pydantic import Field

from wirelessenv.config import Model, Number, Probability

OF_REFERENCE = ("reference", "reference_gap")
Axis = Literal["iteration", "slots", "simulated_seconds", "bits", "wall_seconds"]


class Point(Model):
    """End of a curve, at a given place on the horizontal axis."""

    x: Number
    curve: str
    y: str | None = Field(None, description="the column, if not the panel's")
    reference: str | None = Field(None, description="the curve that this one is relative to, if not the panel's")


class Reached(Model):
    """First evaluation at which a column is at most `below`."""

    column: str
    below: Number


class Panel(Model):
    """One part of a figure: curves over an axis, or, with `points`, the ends of curves over a setting."""

    title: str = ""
    x: Axis = "iteration"
    y: str = Field("", description="the column; none: the experiment's measure")
    curves: tuple[str, ...] | None = Field(None, description="which, all where it is not given")
    relative_to: Literal["full_power", "full_power_difference", "best", "reference", "reference_gap"] = Field(
        "full_power",
        description="what a layout's utilities are divided by; or full power's is subtracted, where signs vary; reference: "
        "those of the reference at the same time; reference_gap: 1 minus that",
    )
    reference: str | None = Field(None, description="the curve that the others are compared with, if not the experiment's")
    points: dict[str, tuple[Point, ...]] = Field({}, description="lines through the ends of curves, by name")
    when: Reached | None = Field(None, description="points: not at the end of a curve, but where it gets this far")
    last: Probability = Field(0.0, description="points: not the end of a curve, but the mean over this last part of it")
    x_label: str = ""
    y_label: str = ""
    average: Literal["mean", "median"] = Field("mean", description="median: with the quartiles, where some seeds run away")
    y_range: tuple[Number, Number] | None = None
    log_x: bool = Field(False, strict=True)
    log_y: bool = Field(False, strict=True)

    def lacks_reference(self, default: str | None) -> bool:
        """True where something is to be relative to a reference, and there is none; `default` is the experiment's."""
        if self.relative_to not in OF_REFERENCE or self.reference or default:
            return False
        return not self.points or not all(point.reference for line in self.points.values() for point in line)

    def named(self) -> list[str]:
        """Names of all curves in the panel."""
        points = [point for line in self.points.values() for point in line]
        ends = [name for point in points for name in (point.curve, point.reference) if name]
        return [*(self.curves or ()), *ends, *((self.reference,) if self.reference else ())]
