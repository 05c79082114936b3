"""Reports: what the page, the JSON and the LaTeX hold, what strangers' texts cannot do, and directories that are no good."""

import json
import re
import shutil
import subprocess
import tempfile
from html.parser import HTMLParser

import pytest

from baselines.report import command
from baselines.report.command import read, written
from baselines.report.content import Chart, DirectoryReport, ReportTable, Trace
from baselines.report.shared import begin
from tests.trainers.test_diverged import directory
from trainers.fidelity.claims import write_tables
from wirelessenv.__main__ import main

EVIL = "</script><img src=x onerror=alert(1)>"
CLAIM = {"claim": "a < b & c", "source": "S", "measured": "1", "asked": "> 0", "layouts": "3", "verdict": "holds", "remark": ""}


class Seen(HTMLParser):
    """Tags with their attributes, text of cells, and contents of scripts of data."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.cells, self.data, self._in = [], [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._in = "data" if tag == "script" and ("type", "application/json") in attributes else tag
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, _):
        self._in = ""

    def handle_data(self, data):
        if self._in == "td":
            self.cells[-1] += data
        elif self._in == "data":
            self.data.append(json.loads(data))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two curves, one of which has a name that would like to be markup."""
    path = tmp_path_factory.mktemp("runs") / "run"
    return directory(path, {"whole": [240] * 3, EVIL: [240, 60, 240]}, title=f"Title {EVIL}").path


def test_the_page_holds_curves_tables_configuration_and_machine(run):
    report = read(run)
    seen = Seen(written([report], "html"))
    (figure, *layouts) = seen.data
    assert [one["name"] for one in figure["data"] if one.get("name")] == ["whole", f"{shown(EVIL)} (2 of 3; 1 diverged)"]
    whole = next(one for one in figure["data"] if one.get("name") == "whole")
    assert whole["x"] == [0, 60, 120, 180, 240]
    assert whole["y"] == pytest.approx([1, 1.25, 1.5, 1.75, 2])  # as test_diverged writes them
    assert len(layouts) == 2
    assert {"whole", EVIL, "2 +- 0"} <= set(seen.cells)
    assert "iterations: 240" in report.configuration
    assert report.state == "stopped, 1 diverged, 0%"


def test_a_title_stands_once_and_the_machine_has_no_empty_rows(run):
    report = read(run)
    report.machine = {"python": "3.11"}
    alone, beside = (written(reports, "html") for reports in ([report], [report, report]))
    assert (alone.count("<h1>"), alone.count("<h2>"), beside.count("<h2>")) == (1, 0, 2)
    assert alone.count('class="maps"') == 1


def test_what_a_manifest_leaves_empty_is_no_row(tmp_path):
    (tmp_path / "config.yaml").write_text("a: 1")
    (tmp_path / "manifest.json").write_text('{"python": "3.11", "code": "", "gpu": null, "cores": 2, "packages": {}}')
    assert begin(tmp_path, "run").machine == {"python": "3.11", "cores": 2}


def shown(text):
    return text.replace("<", "&lt;").replace(">", "&gt;")


def test_a_users_text_is_text_in_the_page(run):
    page = written([read(run)], "html")
    seen = Seen(page)
    assert not [tag for tag, _ in seen.tags if tag == "img"]
    assert [tag for tag, attributes in seen.tags if tag == "script"].count("script") == len(seen.data) + 2
    assert EVIL not in page


def test_the_page_asks_for_nothing_from_elsewhere(run):
    seen = Seen(written([read(run)], "html"))
    assert not [attributes for _, attributes in seen.tags if {"src", "href", "action"} & set(attributes)]
    policy = next(one["content"] for tag, one in seen.tags if tag == "meta" and "http-equiv" in one)
    assert policy.startswith("default-src 'none'")


def test_numbers_are_in_the_json(run):
    (told,) = json.loads(written([read(run)], "json"))
    assert told["tables"]["Results"][0]["curve"] == "whole"
    assert told["charts"][0]["traces"][0]["y"] == pytest.approx([1, 1.25, 1.5, 1.75, 2])
    assert told["faults"] == ["machine: " + told["faults"][0].removeprefix("machine: ")]


def test_tables_are_in_the_latex():
    report = DirectoryReport("runs", "run")
    report.tables.append(ReportTable("100 % & more", [{"curve": "a_b", "utility": "$1 & 2"}]))
    text = written([report], "latex")
    assert r"a\_b & \$1 \& 2 \\" in text
    assert r"\caption{100 \% \& more}" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1


def test_what_is_not_finite_is_null(tmp_path):
    report = DirectoryReport(tmp_path, "run")
    report.charts.append(Chart("", "x", "y", [Trace("a", [0.0, 1.0], [float("nan"), float("inf")])]))
    assert json.loads(written([report], "json"))[0]["charts"][0]["traces"][0]["y"] == [None, None]
    assert Seen(written([report], "html")).data[0]["data"][0]["y"] == [None, None]


def test_claims_are_listed_with_their_verdicts(tmp_path):
    write_tables([CLAIM, CLAIM | {"claim": "d", "verdict": "fails"}], tmp_path)
    report = read(tmp_path)
    assert report.state == "1 holds, 1 fails"
    seen = Seen(written([report], "html"))
    assert [one["class"] for tag, one in seen.tags if tag == "td" and "class" in one] == ["holds", "fails"]
    assert "a < b & c" in seen.cells


def test_a_directory_that_is_half_written_says_so_and_shows_the_rest(run, tmp_path):
    half = tmp_path / "half"
    shutil.copytree(run, half)
    (half / "metrics.csv").unlink()
    report = read(half)
    assert f"results: {half}: has no metrics yet" in report.faults
    assert report.configuration
    assert len(report.layouts) == 2
    (half / "metrics.csv").write_text("curve,seed\nwhole,")
    assert any(fault.startswith("results: ") and "damaged" in fault for fault in read(half).faults)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"curves: ["])
def test_a_configuration_that_is_damaged_or_absent_is_a_sentence(tmp_path, content, capsys):
    path = tmp_path / "run"
    if content is not None:
        path.mkdir()
        (path / "config.yaml").write_bytes(content)
    assert main(["report", str(path), "--out", str(tmp_path / "report.html")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert re.search('<p class="fault">.*run(/config.yaml)?: (there is no such directory|.*damaged|not valid YAML)', page)
    assert page.count("not valid YAML") <= 1


def test_watching_writes_until_nobody_works_there(run, tmp_path, monkeypatch):
    states, pages = ["running, 10%", "running, 90%", "finished, 100%"], []

    def now(path):
        report = DirectoryReport(path, "run")
        report.state = states[len(pages)]
        return report

    def kept(path, content):
        pages.append(content.decode())

    monkeypatch.setattr(command, "read", now)
    monkeypatch.setattr(command, "write_atomically", kept)
    monkeypatch.setattr(command.time, "sleep", lambda _: None)
    assert main(["report", str(run), "--watch", "--out", str(tmp_path / "page.html")]) == 0
    assert ['http-equiv="refresh"' in page for page in pages] == [True, True, False]
    assert "90%" in pages[1]


def test_only_pages_are_watched(run, capsys):
    assert main(["report", str(run), "--watch", "--format", "json"]) == 2
    assert capsys.readouterr().err.startswith("--watch: json is not valid")


@pytest.mark.slow
def test_a_browser_draws_the_charts_and_sorts_the_tables(run, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    page = written([read(run)], "html")
    click = "<script>document.querySelectorAll('th')[2].click(); document.querySelectorAll('th')[2].click()</script></body>"
    (tmp_path / "page.html").write_text(page.replace("</body>", click))
    quiet = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(  # noqa: S603  # the browser of this machine
            [browser, "--headless", "--no-sandbox", *quiet, f"--user-data-dir={profile}", "--virtual-time-budget=10000",
             "--dump-dom", (tmp_path / "page.html").as_uri()],
            capture_output=True, text=True, check=True, timeout=240,
        )  # fmt: skip
    drawn = done.stdout
    assert drawn.count('class="main-svg"') >= 3
    assert "alert(1)>" not in re.sub(r"<script.*?</script>", "", drawn, flags=re.DOTALL).replace("alert(1)&gt;", "")
    assert 'aria-sort="descending"' in drawn
