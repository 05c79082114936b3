"""Hooks of the site's build: pages that programs write, and links that lead out of docs/. `make docs` runs them.

A page of the site is a file of docs/ or a function here; nothing stands in two places. A function that fails ends the build
with the name of its page.
"""

import posixpath
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from algorithms import algorithm_pages
from api import api_pages
from links import Links
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from programs import example_pages, notebook_pages, pictures
from scenarios import linked, scenario_pages, scenario_pictures

ROOT = Path(__file__).parents[2]
WHOLE = {  # files of the repository that are pages as they stand
    "index.md": "README.md",
    "project/architecture.md": "ARCHITECTURE.md",
    "project/contributing.md": "CONTRIBUTING.md",
    "project/changelog.md": "CHANGELOG.md",
}
Write = Callable[[], str]
LINKS = Links(ROOT, WHOLE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replace entries of the navigation that end in "/" by the pages that are written for them."""
    try:
        config.nav = _expanded(config.nav)
    except Exception as error:
        raise PluginError(f"docs/site: {type(error).__name__}: {error}") from error
    return config


def _expanded(entries: Any) -> Any:
    if isinstance(entries, dict):
        return {title: _expanded(value) for title, value in entries.items()}
    if not isinstance(entries, list):
        return entries
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, str) and entry.endswith("/"):
            found += [{title: place} for place, title, _ in _written() if posixpath.dirname(place) + "/" == entry]
        else:
            found.append(_expanded(entry))
    return found


def _written() -> Iterator[tuple[str, str, Write]]:
    """Pages that functions write: place, title and function of each."""
    yield from notebook_pages()
    yield from scenario_pages()
    yield from algorithm_pages()
    yield from example_pages()
    yield from api_pages(ROOT)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the written pages, and a page for every file of the repository that a page links to."""
    for place, name in WHOLE.items():
        _add(files, config, place, (ROOT / name).read_text("utf-8"))
    for place, _, write in _written():
        try:
            _add(files, config, place, write())
        except Exception as error:
            raise PluginError(f"{place}: cannot be written: {type(error).__name__}: {error}") from error
    for place, make in scenario_pictures():
        _add(files, config, place, make())
    for place, content in pictures():
        _add(files, config, place, content)
    pages = [one for one in files if one.is_documentation_page()]
    for source in LINKS.sources(pages):
        _add(files, config, LINKS.place(source), LINKS.source_page(source))
    return files


def _add(files: Files, config: MkDocsConfig, place: str, content: str | bytes) -> None:
    files.append(File.generated(config, place, content=content))


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links lead to pages of the site, and the table of presets to their pages."""
    if page.file.src_uri == "guides/scenarios.md":
        markdown = linked(markdown)
    return LINKS.rewritten(markdown, page.file.src_uri)
