"""Examples and notebooks as pages, with what they print and draw when the site is built; one that fails ends the build."""

import ast
import base64
import functools
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from kept import kept
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[2]
EXAMPLES, NOTEBOOKS = ROOT / "examples", ROOT / "docs" / "notebooks"
SIZES = {  # how each example is called, in the order of the navigation: small, so that a build takes minutes
    "environment_loop.py": ["environment_loop.py", "--slots", "200"],
    "own_allocator.py": ["own_allocator.py", "--layouts", "2", "--slots", "10"],
    "own_ppo.py": ["own_ppo.py", "--updates", "31", "--networks", "8", "--slots", "25"],
    "sb3_ppo.py": ["sb3_ppo.py", "--steps", "20000", "--networks", "10", "--slots", "20"],
    "algorithm_2.py": ["algorithm_2.py", "--iterations", "200", "--layouts", "2"],
    "own_async_method.py": [
        "-m",
        "trainers",
        "own_async_method.yaml",
        "--seeds",
        "3",
        "--set",
        "iterations=200",
        "--workers",
        "1",
    ],
}
READING = ["first_steps", "own_method", "talking"]
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LONGEST = 600
"""Seconds that a program may take."""


def example_pages() -> Iterator[tuple[str, str, Callable[[], str]]]:
    """Place, title and writer of each example's page; raises KeyError where one has no size."""
    missing = {path.name for path in EXAMPLES.glob("*.py")} ^ set(SIZES)
    if missing:
        raise KeyError(f"examples without a size in docs/site/programs.py, or sizes without an example: {sorted(missing)}")
    for name in SIZES:
        yield f"examples/{name}.md", name, functools.partial(example_page, name)


def notebook_pages() -> Iterator[tuple[str, str, Callable[[], str]]]:
    """Place, title and writer of each notebook's page, those of `READING` first."""
    there = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
    for name in sorted(there, key=lambda one: (READING.index(one) if one in READING else len(READING), one)):
        yield f"notebooks/{name}.md", _title(NOTEBOOKS / f"{name}.ipynb"), functools.partial(notebook_page, name)


def pictures() -> Iterator[tuple[str, bytes]]:
    """Place and content of each picture that examples and notebooks have drawn."""
    for folder, names in (("examples", SIZES), ("notebooks", [path.stem for path in NOTEBOOKS.glob("*.ipynb")])):
        for name in names:
            made = _example(name) if folder == "examples" else _notebook(name)
            for picture, content in made["pictures"].items():
                yield f"{folder}/{picture}", base64.b64decode(content)


def example_page(name: str) -> str:
    """An example with its output."""
    made = _example(name)
    source = (EXAMPLES / name).read_text("utf-8")
    shown = "".join(f"![What it has drawn]({picture})\n\n" for picture in made["pictures"])
    beside = EXAMPLES / name.replace(".py", ".yaml")
    code = f"```python\n{source}```\n\n" + (
        f"`{beside.name}`:\n\n```yaml\n{beside.read_text('utf-8')}```\n\n" if beside.exists() else ""
    )
    about = str(ast.get_docstring(ast.parse(source))).partition("\n")[0]
    call = " ".join(["python", *_command(name)])
    said = f"## What it prints\n\nAt a small size, `{call}`:\n\n```text\n{made['said'].rstrip()}\n```\n\n"
    return f"---\nhide: [toc]\n---\n\n# {name}\n\n{about}\n\n[examples/{name}](../../examples/{name})\n\n{code}{said}{shown}"


def _command(name: str) -> list[str]:
    return [f"examples/{one}" if one in (name, name.replace(".py", ".yaml")) else one for one in SIZES[name]]


@functools.cache
def _example(name: str) -> dict[str, Any]:
    sources = [path.read_text("utf-8") for path in sorted(EXAMPLES.glob(f"{Path(name).stem}.*"))]
    return kept(f"example-{name}", "\n".join(sources), _ran, name, SIZES[name])


def _ran(name: str, size: list[str]) -> dict[str, Any]:
    """Text and pictures that an example makes in an empty folder."""
    arguments = [str(EXAMPLES / one) if (EXAMPLES / one).exists() else one for one in size]
    env = os.environ | {"PYTHONPATH": _search_path(), "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "COLUMNS": "100"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=LONGEST, check=False)
        if done.returncode:
            raise RuntimeError(f"examples/{name} ends with {done.stderr.strip().splitlines()[-1]}")
        drawn = sorted(Path(folder).rglob("*.png"))
        images = {f"{Path(name).stem}_{path.name}": base64.b64encode(path.read_bytes()).decode() for path in drawn}
    return {"said": ESCAPES.sub("", done.stdout), "pictures": images}


def _search_path() -> str:
    """Search path of Python: this checkout, then the folders that it has been told."""
    before = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one and one != str(ROOT)]
    return os.pathsep.join([str(ROOT), *before])


def _title(path: Path) -> str:
    """Heading of a notebook, which its first cell begins with."""
    first = nbformat.read(path, as_version=4).cells[0].source
    return str(first.splitlines()[0].removeprefix("# "))


def notebook_page(name: str) -> str:
    """A notebook with its output."""
    first, _, rest = _notebook(name)["text"].partition("\n")
    return f"---\nhide: [toc]\n---\n\n{first}\n\nThis page is a notebook: [download it]({name}.ipynb).\n{rest}"


@functools.cache
def _notebook(name: str) -> dict[str, Any]:
    path = NOTEBOOKS / f"{name}.ipynb"
    return kept(f"notebook-{name}", path.read_text("utf-8"), _executed, name)


def _executed(name: str) -> dict[str, Any]:
    """Text and pictures of a notebook; raises RuntimeError with the error of the cell that fails."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    os.environ["PYTHONPATH"] = _search_path()  # for the kernel
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=LONGEST,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            extra_arguments=["--IPKernelApp.log_level=ERROR"],  # it warns of its transport, which stays on this machine
        )
        try:
            client.execute()
        except CellExecutionError as error:
            raise RuntimeError(f"docs/notebooks/{name}.ipynb: a cell ends with {error.ename}: {error.evalue}") from None
    images: dict[str, str] = {}
    text = "\n\n".join(part for cell in notebook.cells for part in _cell(cell, name, images))
    return {"text": text + "\n", "pictures": images}


def _cell(cell: Any, name: str, images: dict[str, str]) -> Iterator[str]:
    if cell.cell_type == "markdown":
        yield cell.source
        return
    yield f"```python\n{cell.source}\n```"
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            place = f"{name}_{len(images)}.png"
            images[place] = data["image/png"]
            yield f"![Figure]({place})"
        elif output.get("name") != "stderr":
            said = output.get("text", data.get("text/plain", ""))
            yield f"```text\n{ESCAPES.sub('', said).rstrip()}\n```"
