"""Settings of an experiment's figure: its panels, and the axes, curves and points in them."""

from typing import Literal

from pydantic import Field

from wirelessenv.config import Model, Number

Axis = Literal["iteration", "slots", "simulated_seconds", "bits", "wall_seconds"]


class Point(Model):
    """End of a curve, at a given place on the horizontal axis."""

    x: Number
    curve: str
    y: str | None = Field(None, description="the column, if not the panel's")


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
    relative_to: Literal["full_power", "full_power_difference", "best"] = Field(
        "full_power", description="what a layout's utilities are divided by; or full power's is subtracted, where signs vary"
    )
    reference: str | None = Field(None, description="the curve that the others are compared with, if not the experiment's")
    points: dict[str, tuple[Point, ...]] = Field({}, description="lines through the ends of curves, by name")
    when: Reached | None = Field(None, description="points: not at the end of a curve, but where it gets this far")
    x_label: str = ""
    y_label: str = ""
    average: Literal["mean", "median"] = Field("mean", description="median: with the quartiles, where some seeds run away")
    y_range: tuple[Number, Number] | None = None
    log_x: bool = Field(False, strict=True)
    log_y: bool = Field(False, strict=True)

    def named(self) -> list[str]:
        """Names of all curves in the panel."""
        ends = [point.curve for line in self.points.values() for point in line]
        return [*(self.curves or ()), *ends, *((self.reference,) if self.reference else ())]
