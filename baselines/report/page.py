"""A report as one HTML file, which holds everything that it shows: it opens without a network."""

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from plotly.offline import get_plotlyjs

from baselines.report.charts import figure
from baselines.report.content import DirectoryReport, ReportTable
from wirelessenv.text import one_line

RELOAD = 5
"""Seconds between two looks of a page at itself, while the work goes on."""
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
"""Nothing is fetched, whatever a text in the page says."""
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 1100px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.25em; border-top: 1px solid #ccc; padding-top: .8em } h3 { font-size: 1em }
table { border-collapse: collapse; font-size: .85em } th, td { padding: .25em .7em; text-align: left; vertical-align: top }
th { cursor: pointer; border-bottom: 2px solid #888 } td { border-bottom: 1px solid #ddd } .wide { overflow-x: auto }
th[aria-sort=ascending]::after { content: " \\25b2" } th[aria-sort=descending]::after { content: " \\25bc" }
pre { background: #f5f5f5; padding: .8em; overflow-x: auto } .fault { background: #fff3e0; padding: .5em .8em }
.holds { color: #00613f } .fails { color: #a33c00; font-weight: bold } .undecided { color: #555 }
.note { color: #555; font-size: .85em }
.maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)) }
"""
_SCRIPT = """
for (const place of document.querySelectorAll(".chart")) {
  const {data, layout} = JSON.parse(place.querySelector("script").textContent);
  Plotly.newPlot(place, data, layout, {responsive: true, displaylogo: false});
}
for (const head of document.querySelectorAll("th")) head.addEventListener("click", () => {
  const table = head.closest("table"), body = table.tBodies[0], at = head.cellIndex;
  const up = head.getAttribute("aria-sort") !== "ascending";
  const text = row => row.cells[at].textContent.trim();
  const number = row => parseFloat(text(row).replace(/^x /, ""));
  const order = (one, other) => {
    const [a, b] = [number(one), number(other)];
    if (isNaN(a) !== isNaN(b)) return isNaN(a) ? 1 : -1;  // numbers first
    return (up ? 1 : -1) * (isNaN(a) ? text(one).localeCompare(text(other)) : a - b);
  };
  for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  body.append(...[...body.rows].sort(order));
});
"""


def page(reports: Sequence[DirectoryReport], reload: bool = False) -> str:
    """Write the page of some reports.

    Args:
        reports: of directories.
        reload: let the page look at itself anew every few seconds.

    Returns:
        HTML text.
    """
    again = f'<meta http-equiv="refresh" content="{RELOAD}">' if reload else ""
    title = _text(reports[0].title if len(reports) == 1 else "Reports")
    body = "\n".join(_section(report, named=len(reports) > 1) for report in reports)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{again}\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}\n"
        f"<script>{get_plotlyjs()}</script>\n<script>{_SCRIPT}</script></body></html>\n"
    )


def _text(text: object, longest: int = 2000) -> str:
    return escape(one_line(text, longest))


def _section(report: DirectoryReport, named: bool) -> str:
    parts = [f"<h2>{_text(report.title)}</h2>"] if named else []
    kind = f"{report.kind} in " if report.kind else ""
    parts.append(f"<p>{_text(kind)}<code>{_text(report.path)}</code>{_text(': ' + report.state if report.state else '')}</p>")
    parts += [f'<p class="fault">{_text(fault)}</p>' for fault in report.faults]
    parts += [_chart(chart) for chart in report.charts]
    parts += [_table(table) for table in report.tables]
    if report.layouts:
        parts.append("<h3>Layouts</h3>")
        parts.append(f'<div class="maps">{"".join(_chart(chart) for chart in report.layouts)}</div>')
    if report.machine:
        parts.append(
            _table(ReportTable("Machine", [{"what": key, "value": str(value)} for key, value in report.machine.items()]))
        )
    if report.configuration:
        parts.append(f"<details><summary>Configuration</summary><pre>{escape(report.configuration)}</pre></details>")
    return "<section>" + "\n".join(parts) + "</section>"


def _chart(chart: Any) -> str:
    content = json.dumps(figure(chart), allow_nan=False).replace("<", "\\u003c")  # no text ends the script
    note = f'<p class="note">{_text(chart.note)}</p>' if chart.note else ""
    return f'<div class="chart"><script type="application/json">{content}</script></div>{note}'


def _table(table: ReportTable) -> str:
    columns = list(dict.fromkeys(name for row in table.rows for name in row))
    head = "".join(f"<th>{_text(name)}</th>" for name in columns)
    rows = "\n".join("<tr>" + "".join(_cell(name, row.get(name, "")) for name in columns) + "</tr>" for row in table.rows)
    body = f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table>"
    return f'<h3>{_text(table.title)}</h3><div class="wide">{body}</div>'


def _cell(name: str, value: str) -> str:
    verdict = f' class="{value}"' if name == "verdict" and value in {"holds", "fails", "undecided"} else ""
    return f"<td{verdict}>{_text(value)}</td>"
