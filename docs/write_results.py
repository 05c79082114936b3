"""Writes what finished runs have found into docs/results/ and README.md, between the markers that stand there.

python docs/write_results.py figures    claims, tables and pictures of "make figures", from runs/
python docs/write_results.py long       the claims of "make long" and their pictures, from runs/long/
python docs/write_results.py compare    tables and pictures of "make compare", from runs/compare/
python docs/write_results.py talking    curves and pictures of "make talking", from runs/compare/
python docs/write_results.py published  the tables of "make published", from runs/published/
python docs/write_results.py speed      the tables of "make bench", from runs/speed.md
python docs/write_results.py libraries  the table of "make libraries", from runs/libraries.json
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from trainers.experiments import tables
from trainers.workbench.files import write_atomically
from trainers.workbench.terminal import markdown_table

ROOT = Path(__file__).parents[1]
PICTURES = {"figure": "{}", "bars": "compare_{}", "learning": "compare_{}_learning", "curves": "{}"}
TABLES = {"run": tables.table, "costs": tables.costs}
"""Tables of a run: what each curve ends with, and that beside what it has cost."""
TABLE = r"<!-- begin (run|costs) (\w+): written by {command} -->"
IN_SHORT = {  # the ten rows of README.md: what each says, and the claim that decides it
    "delayed messages slow zeroth-order learning down": "p = 0.5 gains more slowly than p = 0.9, step 0.5 m",
    "with p = 0.25 it still ends close to centralised learning": (
        "p = 0.25 ends with at least 0.9 of the centralised gain, step 0.5 m, 200 further layouts"
    ),
    "where transmitters move, agents that learn on reach more than frozen ones": (
        "agents that learn on reach more than the same ones frozen, where pairs move at 1 m/s (ratio)"
    ),
    "delays slow a larger network more": (
        "p = 0.5 falls behind its centralised learning less for m = 12 than for m = 36 (difference of the average shares), "
        "step 0.5 m"
    ),
    "agents that exchange scalars reach more than selfish ones": (
        "agents that exchange queries reach a larger total utility than agents that do not (ratio)"
    ),
    "scalars need fewer bits than gradients": (
        "scalars reach half the centralised gain with fewer bits than gradients (log2 of the ratio)"
    ),
    "who hears all scalars learns little of an agent's policy": (
        "who hears all scalars explains less than a tenth of the variance of an agent's policy, its powers for given inputs"
    ),
    "PARS-Push converges in spite of sleep, delay and loss": (
        "with sleep, delay and loss PARS-Push comes within 1 % of the initial training error (log2 of what is left)"
    ),
    "DASGD: staleness does not slow convergence": (
        "steps to 1e-12 on the quadratic do not grow with the largest staleness (slope of their log over log S_max, 2 to 151)"
    ),
    "AsyncBC: iterations do not grow with heterogeneity": (
        "AsyncBC-GD's iterations do not grow with heterogeneity (slope of log over log zeta, 0.1 to 10)"
    ),
}


def put(page: Path, name: str, text: str) -> None:
    """Replace what stands in a page between `<!-- begin NAME: ... -->` and `<!-- end NAME -->`."""
    before = page.read_text(encoding="utf-8")
    begin, end = re.escape(f"<!-- begin {name}:"), re.escape(f"<!-- end {name} -->")
    after, count = re.subn(
        rf"({begin}[^\n]*-->\n).*?({end})", lambda found: f"{found[1]}{text}{found[2]}", before, flags=re.DOTALL
    )
    if count != 1:
        raise SystemExit(f"{page}: has {count} places for {name}; it should have one")
    write_atomically(page, after.encode())


def written(page: Path, name: str) -> str:
    """Text that stands between the markers of a name."""
    (found,) = re.findall(
        rf"<!-- begin {re.escape(name)}:[^\n]*-->\n(.*?)<!-- end {re.escape(name)} -->",
        page.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    return str(found)


def figures(runs: Path, root: Path) -> None:
    """Claims, and a table and a picture of every run that a page has a place for."""
    results = root / "docs" / "results"
    put(results / "claims.md", "claims", claims(pd.read_csv(runs / "fidelity.csv", keep_default_na=False).to_dict("records")))
    put(root / "README.md", "claims", in_short(results / "claims.md"))
    _tables_and_pictures(runs, root, "make figures")


def long(runs: Path, root: Path) -> None:
    """Claims whose runs take long, and their pictures."""
    rows = pd.read_csv(runs / "long" / "fidelity.csv", keep_default_na=False).to_dict("records")
    page = root / "docs" / "results" / "claims.md"
    put(page, "long claims", claims(rows))
    put(root / "README.md", "claims", in_short(page))
    _tables_and_pictures(runs / "long", root, "make long")


def claims(rows: list[dict[str, Any]]) -> str:
    """The table of claims, and a list of the remarks about them."""
    table = [{key: str(row[key]) for key in ("claim", "source", "measured", "asked", "layouts", "verdict")} for row in rows]
    remarks = [f"- *{row['claim']}*: {row['remark']}" for row in rows if row["remark"]]
    return "\n".join([*markdown_table(table), *(["", "Remarks:", "", *remarks] if remarks else [])]) + "\n"


def in_short(page: Path) -> str:
    """README.md's ten rows of the page of claims, and how many claims hold."""
    rows = {row["claim"]: row for name in ("claims", "long claims") for row in _rows(written(page, name))}
    chosen = [{"claim": said} | {key: rows[claim][key] for key in ("source", "verdict")} for said, claim in IN_SHORT.items()]
    count = {verdict: sum(row["verdict"] == verdict for row in rows.values()) for verdict in ("holds", "undecided", "fails")}
    verdicts = f"{count['holds']} hold, {count['undecided']} are undecided and {count['fails']} fail"
    told = f"Of {len(rows)} claims {verdicts}; claims asked again, of more layouts or at other steps, are counted each time."
    return "\n".join([*markdown_table(chosen), "", told]) + "\n"


def _rows(table: str) -> Iterator[dict[str, str]]:
    lines = [line[2:-2].split(" | ") for line in table.splitlines() if line.startswith("| ")]
    for cells in lines[2:]:
        yield dict(zip(lines[0], cells, strict=True))


def compare(runs: Path, root: Path) -> None:
    """Tables and pictures of every comparison that has a page."""
    for page in sorted((root / "docs" / "results").glob("compare_*.md")):
        folder = runs / "compare" / page.stem.removeprefix("compare_")
        text = (folder / "comparison.md").read_text(encoding="utf-8")
        put(page, "comparison", text.partition("\n\n")[2])  # without its title
        _pictures(folder, root)


def talking(runs: Path, root: Path) -> None:
    """Curves of what talking is worth, what signalling leaves of it, and one policy for networks of any size."""
    page, folder = root / "docs" / "results" / "talking.md", runs / "compare" / "talking"
    put(page, "curves", (folder / "curves.md").read_text(encoding="utf-8"))
    put(page, "signalling", left((folder / "comparison.md").read_text(encoding="utf-8")))
    put(page, "size", (runs / "compare" / "size" / "scenarios.md").read_text(encoding="utf-8"))
    _pictures(folder, root)


def left(comparison: str) -> str:
    """Tables of what signalling leaves, of every scenario, from the page of a comparison."""
    found = [(part.partition("\n")[0], part.rpartition("\n\n")[2]) for part in comparison.split("\n## ")[1:]]
    return "\n".join(f"**{scenario}**\n\n{table.strip()}\n" for scenario, table in found)


def speed(runs: Path, root: Path) -> None:
    """The tables of speed."""
    put(root / "docs" / "results" / "speed.md", "speed", (runs / "speed.md").read_text(encoding="utf-8"))


def libraries(runs: Path, root: Path) -> None:
    """Speeds within TorchRL."""
    rows = json.loads((runs / "libraries.json").read_text(encoding="utf-8"))
    put(root / "docs" / "guides" / "libraries.md", "libraries", "\n".join(markdown_table(rows)) + "\n")


def published(runs: Path, root: Path) -> None:
    """Published tables, and ours beside them."""
    for table in sorted((runs / "published").glob("*.md")):
        put(root / "docs" / "results" / "published.md", table.stem, table.read_text(encoding="utf-8"))


def _tables_and_pictures(runs: Path, root: Path, command: str) -> None:
    """The tables of every run that a page has a place for, and its picture."""
    for page in sorted((root / "docs" / "results").glob("*.md")):
        for kind, name in re.findall(TABLE.format(command=command), page.read_text(encoding="utf-8")):
            put(page, f"{kind} {name}", "\n".join(markdown_table(TABLES[kind](runs / name))) + "\n")
    for folder in runs.iterdir():
        _pictures(folder, root)


def _pictures(folder: Path, root: Path) -> None:
    """Copy the pictures that a page shows."""
    for name, kept in PICTURES.items():
        picture, target = folder / f"{name}.png", root / "docs" / "images" / f"{kept.format(folder.name)}.png"
        if picture.exists() and target.exists():
            write_atomically(target, picture.read_bytes())


if __name__ == "__main__":
    COMMANDS = (figures, long, compare, talking, speed, libraries, published)
    {one.__name__: one for one in COMMANDS}[sys.argv[1]](Path("runs"), ROOT)
