"""python -m benchmarks.published FOLDER: the tables of published values, as Markdown, into a folder."""

import sys
from pathlib import Path

from benchmarks.published.bands import CASES, band_rows
from benchmarks.published.floor import floor_rows
from benchmarks.published.links import LENGTHS, link_rows
from benchmarks.published.rows import table


def main(folder: Path) -> None:
    """Compute all tables, in some minutes."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [one for case in CASES for one in band_rows(*case)]
    (folder / "floor.md").write_text(table(sorted(floor_rows(), key=lambda one: one.case, reverse=True), 2), encoding="utf-8")
    (folder / "bands.md").write_text(table(rows, 2), encoding="utf-8")
    rows = [one for lengths in LENGTHS for one in link_rows(*lengths)]
    (folder / "links.md").write_text(table(rows, 1), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
