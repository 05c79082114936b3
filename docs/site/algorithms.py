"""A page for each algorithm: the listing, our file beside the plain loop that tests compare it with, settings, claims."""

import ast
import functools
import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from docstrings import as_markdown

from trainers.algorithms.base.settings import LearnerSettings
from trainers.fidelity.claims import Claims
from trainers.workbench.terminal import markdown_table
from wirelessenv.config import read_yaml

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))
import write_results  # noqa: E402  # a program beside this folder
import write_settings  # noqa: E402  # as above

CLAIMS = {"claims": "configs/paper", "long claims": "configs/long"}
NAMES = {  # page, title; the module and the kind have the same name
    "zeroth_order": "Zeroth-order message passing",
    "two_point": "Distributed two-point method",
    "fedzo": "FedZO",
    "decomfl": "DeComFL",
    "first_order": "First-order message passing",
    "pars_push": "PARS-Push",
    "sgp": "Stochastic gradient push",
    "osgp": "Overlap SGP",
    "r_fast": "R-FAST",
    "ad_psgd": "AD-PSGD",
    "d_psgd": "D-PSGD",
    "choco_sgd": "CHOCO-SGD",
    "gradient_tracking": "Gradient tracking",
    "extra": "EXTRA",
    "dasgd": "DASGD",
    "async_bc": "AsyncBC",
    "async_sgd": "Async-SGD",
    "sync_sgd": "Sync-SGD",
    "delay_adaptive": "Delay-adaptive Async-SGD",
    "ringmaster": "Ringmaster ASGD",
    "rennala": "Rennala SGD",
    "malenia": "Malenia SGD",
    "ringleader": "Ringleader ASGD",
    "ace": "ACE",
    "fedbuff": "FedBuff",
}
DIFFERENT = {  # what our file does otherwise than its paper, in a line
    "zeroth_order": "Equation (4) keeps its 1/m, which the authors' code has not; the rest stands under the listing.",
    "two_point": "Steps and smoothing are constant unless asked for; the paper's second algorithm is not here.",
    "fedzo": "On channels, clients that measure at points of their own take turns.",
    "decomfl": "One x is kept, since every client ends where the server is; the plain loop keeps them all.",
    "first_order": "The listing is ours, line by line that of Algorithm 2 with gradients in the place of scalars.",
    "pars_push": "x_i(0) may be other than 0, theta(0) = 0, and of the messages that wait on a link the newest counts.",
    "sgp": "The listing is ours: the paper prints none for links that sleep, delay and lose.",
    "osgp": "Nobody waits for parts that are late: the longest delay of the links bounds their age, not tau.",
    "r_fast": "Both vectors go over the links of one graph, in one message; W and A are ours.",
    "ad_psgd": "Averages may be late or lost, as messages are; any graph serves, since nobody waits.",
    "d_psgd": "A round lasts as long as its last message; the paper's networks neither sleep, delay nor lose.",
    "choco_sgd": "A round lasts as long as its last message; W has Metropolis weights.",
    "gradient_tracking": "With samples it has DIGing's form, too; DSGT as its paper has it mixes x_j - eta y_j.",
    "extra": "Gradients of samples are allowed, and a round lasts as long as its last message.",
    "dasgd": "Gradients are forwarded where not all nodes are neighbours, and may be compressed.",
    "async_bc": "A client that is busy queues; 1 / tau_C weighs the first tasks alone.",
    "async_sgd": "The listing is ours, in the words of AsyncBC's: the paper prints none.",
    "sync_sgd": "The listing is ours; an iteration is one gradient, a round n of them.",
    "delay_adaptive": "An old gradient's step is eta tau_C / tau: that keeps to the paper's bound without knowing L.",
    "ringmaster": "It is the method without stops (Algorithm 4): nobody is interrupted.",
    "rennala": "The server applies, then sends; in the paper's listing it sends before it asks whether the batch is full.",
    "malenia": "The server applies, then sends, as in Rennala SGD.",
    "ringleader": "Means of the table are kept up to date, which needs no sum over clients at a step.",
    "ace": "Until the first step, clients that have answered go on at x_0; in the paper they wait. ACED is not here.",
    "fedbuff": "The client that has answered goes on, unless `assignment` is `inactive`, which is the paper's choice.",
}
PAPERS = ("zeroth_order", "pars_push", "dasgd", "async_bc")
"""Algorithms whose listings were read beside the text of their papers."""
PROGRAMS = ("sgp", "osgp", "ad_psgd", "choco_sgd", "decomfl")
"""Algorithms whose listings were read beside programs that authors publish, of their own methods or of rivals."""
INDEX = """# Algorithms

One file of [trainers/algorithms](../../trainers/algorithms) tells one algorithm, its listing first. Tests compare it, number by
number, with a plain loop in [trainers/algorithms/reference](../../trainers/algorithms/reference) that shares no code with it,
and hold that each line of the listing is named where our code does it. The listings of PAPERS were read beside
the text of their papers, and those of PROGRAMS beside programs that authors publish. When the others were checked
their papers were not at hand, and a detail that matters to you is worth a look at the paper itself.
[Claims](../results/claims.md) of the papers are checked by `make figures`.

"""


def algorithm_pages() -> Iterator[tuple[str, str, Callable[[], str]]]:
    """Place, title and writer of each page, the overview first."""
    yield "algorithms/index.md", "Overview", overview
    for name, title in NAMES.items():
        yield f"algorithms/{name}.md", title, functools.partial(page, name, title)


def overview() -> str:
    """All of them in a table; raises KeyError for a file that has no page here."""
    there = {path.stem for path in (ROOT / "trainers" / "algorithms").glob("*.py")} - {"__init__"}
    if there != set(NAMES):
        raise KeyError(f"algorithms without a page, or pages without one: {sorted(there ^ set(NAMES))}")
    rows = [
        {
            "algorithm": f"[{title}]({name}.md)",
            "what it is": _docstring(name).partition("\n\n")[0].replace("\n", " "),
            "what is different here": DIFFERENT[name],
        }
        for name, title in NAMES.items()
    ]
    index = INDEX.replace("PAPERS", _listed(PAPERS)).replace("PROGRAMS", _listed(PROGRAMS))
    return index + "\n".join(markdown_table(rows)) + "\n"


def _listed(names: tuple[str, ...]) -> str:
    """Links to some pages, as part of a sentence."""
    read = [f"[{NAMES[name]}]({name}.md)" for name in names]
    return f"{', '.join(read[:-1])} and {read[-1]}"


def page(name: str, title: str) -> str:
    """The page of an algorithm.

    Args:
        name: of its module, and its kind in YAML.
        title: of the page.

    Returns:
        The text.
    """
    importlib.import_module(f"trainers.algorithms.{name}")
    file, reference = f"trainers/algorithms/{name}.py", f"trainers/algorithms/reference/{name}.py"
    settings = write_settings._table(LearnerSettings.kinds[name])
    return (
        f"---\nhide: [toc]\n---\n\n# {title}\n\n{as_markdown(_docstring(name))}\n"
        f"**Different here:** {DIFFERENT[name]}\n\n"
        f"{_claims(name)}\n"
        f"## Settings\n\n`learner: {{kind: {name}, ...}}` in YAML, keywords in Python.\n\n{settings}\n"
        f"## Our file beside the plain loop\n\n"
        f"Tests hold [{file}](../../{file}) to the numbers of [{reference}](../../{reference}).\n\n"
        f"{_tab('Our file', file)}{_tab('The plain loop', reference)}"
    )


def _docstring(name: str) -> str:
    source = (ROOT / "trainers" / "algorithms" / f"{name}.py").read_text("utf-8")
    return ast.get_docstring(ast.parse(source)) or ""


def _tab(title: str, file: str) -> str:
    source = (ROOT / file).read_text("utf-8")
    code = re.sub(r'\A""".*?"""\n+', "", source, flags=re.DOTALL) if title == "Our file" else source  # the listing is above
    return f'=== "{title}"\n\n' + "".join(f"    {line}\n" for line in ["```python", *code.splitlines(), "```"]) + "\n"


def _claims(name: str) -> str:
    """Table of the claims whose statistic is about a curve of the algorithm."""
    rows = [
        row
        for where in CLAIMS
        for row in _rows(where)
        if not _words(row["statistic"]).isdisjoint(_curves(CLAIMS[where], row["run"], name))
    ]
    if not rows:
        return ""
    table = [{key: row[key] for key in ("claim", "source", "verdict")} for row in rows]
    return (
        "## Claims\n\nThose that are decided by its curves; [all of them](../results/claims.md), with what was measured.\n\n"
        + "\n".join(markdown_table(table))
        + "\n"
    )


@functools.cache
def _rows(where: str) -> list[dict[str, Any]]:
    """Rows of a table of docs/results/claims.md, each with the run and the statistic that decide it."""
    table = write_results.written(ROOT / "docs" / "results" / "claims.md", where)
    claims = {claim["claim"]: claim for claim in read_yaml(ROOT / CLAIMS[where] / "claims.yaml")["claims"].values()}
    found = ((row, claims.get(row["claim"].replace("\\|", "|"))) for row in write_results._rows(table))
    return [row | {key: claim[key] for key in ("run", "statistic")} for row, claim in found if claim]


def _words(value: Any) -> set[str]:
    """All texts in a statistic, the names of curves among them."""
    if isinstance(value, Mapping):
        return {str(key) for key in value}.union(*map(_words, value.values()))
    if isinstance(value, list | tuple):
        return set().union(*map(_words, value))
    return {str(value)}


def _curves(folder: str, run: str, kind: str) -> set[str]:
    """Curves of an experiment whose learner is of a kind."""
    return {curve for curve, learner in _learners(folder, run).items() if learner == kind}


@functools.cache
def _learners(folder: str, run: str) -> dict[str, str]:
    """Kind of the learner of each curve of an experiment."""
    experiment = Claims.parse(read_yaml(ROOT / folder / "claims.yaml")).experiment(run, ROOT / folder)
    return {curve: experiment.curve(curve).learner.dump()["kind"] for curve in experiment.curves}
