"""Charts of a report for plotly, as plain data: curves that can be hovered over and zoomed."""

from html import escape
from typing import Any

import numpy as np

from baselines.report.content import Chart, Trace, numbers
from wirelessenv import style
from wirelessenv.text import one_line

DASHES = ("solid", "dash", "dot", "dashdot", "longdashdot")
"""Dashes of wirelessenv/style.py by plotly's names."""
_LEGEND_ROW, _IN_A_ROW = 20, 5
"""Pixels of a row of a legend, and about how many entries stand in one."""


def figure(chart: Chart) -> dict[str, Any]:
    """Turn a chart into what `Plotly.newPlot` takes: data and layout. Plotly reads tags in texts, hence they are escaped."""
    data = [one for place, trace in enumerate(chart.traces) for one in _traces(trace, place)]
    layout: dict[str, Any] = {
        "title": {"text": shown(chart.title), "font": {"size": 14}, "x": 0, "xanchor": "left"},
        "xaxis": _axis(chart.x_label, chart.log_x),
        "yaxis": _axis(chart.y_label, chart.log_y),
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": -0.25},
        "margin": {"l": 60, "r": 20, "t": 40, "b": 50},
        "height": 420 + _LEGEND_ROW * (len(chart.traces) // _IN_A_ROW),
        "plot_bgcolor": "white",
    }
    bars = any(trace.kind == "bars" for trace in chart.traces)
    if bars:
        layout["yaxis"] |= {"automargin": True, "type": "category", "categoryorder": "total ascending"}
        layout |= {"height": 160 + 22 * sum(len(trace.x) for trace in chart.traces), "barmode": "overlay"}
        layout["legend"] |= {"y": 1, "yanchor": "bottom", "traceorder": "normal"}
    if chart.map:
        layout["yaxis"] |= {"scaleanchor": "x"}
    if chart.level is not None:
        ends = {"x0": chart.level, "x1": chart.level, "y0": 0, "y1": 1, "yref": "paper"}
        flat = {"y0": chart.level, "y1": chart.level, "x0": 0, "x1": 1, "xref": "paper"}
        layout["shapes"] = [
            {"type": "line", "line": {"color": style.GREY, "width": 1, "dash": "dot"}, **(ends if bars else flat)}
        ]
    return {"data": data, "layout": layout}


def shown(text: str) -> str:
    """A user's text for plotly, on one line and without tags."""
    return escape(one_line(text, 200), quote=False)


def _axis(text: str, logarithmic: bool) -> dict[str, Any]:
    kind = {"type": "log"} if logarithmic else {}
    return {"title": {"text": shown(text)}, "gridcolor": style.PALE, "zeroline": False, **kind}


def _traces(trace: Trace, place: int) -> list[dict[str, Any]]:
    colour = style.line(place).colour
    base = {"name": shown(trace.name), "x": numbers(trace.x), "y": numbers(trace.y), "type": "scatter"}
    names = [shown(str(one)) for one in trace.y] if trace.kind == "bars" else []
    if trace.kind == "bars":
        errors = _errors(trace.x, trace)
        colour = style.KNOWING[trace.name.removeprefix("knows ")]
        marker = {"color": colour, "line": {"color": style.DARK, "width": 0.5}}
        look = {"type": "bar", "orientation": "h", "marker": marker, "showlegend": True, "error_x": errors}
        return [base | {"y": names} | look]
    if trace.kind == "links":
        return [base | {"mode": "lines", "line": {"color": "#b0b0b0", "width": 1}, "hoverinfo": "skip"}]
    if trace.kind == "dots":
        symbol = "triangle-up" if trace.name == "transmitter" else "circle-open"
        numbered = [f"{trace.name} {number}" for number in range(len(trace.x))]
        return [base | {"mode": "markers", "marker": {"symbol": symbol, "size": 8, "color": style.DARK}, "text": numbered}]
    line = {"color": colour, "dash": DASHES[place % len(DASHES)], "width": 2}
    if trace.kind == "points":
        return [base | {"mode": "lines+markers", "line": line, "error_y": _errors(trace.y, trace)}]
    return [*_band(trace, colour), base | {"mode": "lines", "line": line, "legendgroup": str(place)}]


def _errors(middle: Any, trace: Trace) -> dict[str, Any]:
    if not len(trace.low):
        return {"visible": False}
    values = np.asarray(middle, float)
    above, below = np.asarray(trace.high, float) - values, values - np.asarray(trace.low, float)
    arrays = {"array": np.nan_to_num(above, posinf=0).tolist(), "arrayminus": np.nan_to_num(below, posinf=0).tolist()}
    return {"type": "data", "symmetric": False, "thickness": 1, **arrays}


def _band(trace: Trace, colour: str) -> list[dict[str, Any]]:
    """The band about a line, where it has one."""
    if not len(trace.low) or not np.isfinite(np.asarray([trace.low, trace.high], float)).all():
        return []
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    look = {"fill": "toself", "fillcolor": f"rgba({red},{green},{blue},0.12)", "line": {"width": 0}, "hoverinfo": "skip"}
    around = {"x": [*trace.x, *reversed(trace.x)], "y": [*trace.low, *reversed(trace.high)]}
    return [{"type": "scatter", "mode": "lines", "showlegend": False, **around, **look}]
