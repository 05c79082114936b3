"""The site: built strictly, so that a link, a page, a notebook or an example that fails ends the build; needs `.[docs]`."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("mkdocs") is None, reason="the extra docs is not installed"),
]


def built(folder, *more):
    """The process of a build of a checkout in a folder."""
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", *more]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=900, check=False)  # noqa: S603  # our own site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    done = built(ROOT, "--site-dir", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copy(tmp_path):
    """A checkout to damage."""
    kept = shutil.ignore_patterns(".*", "runs", "__pycache__")
    return Path(shutil.copytree(ROOT, tmp_path / "copy", ignore=kept))


def test_pages_load_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        text = page.read_text("utf-8")
        assert re.findall(r"<(?:script|img|iframe)[^>]*src=\"?(https?:[^\"> ]*)", text) == [], page
        assert re.findall(r"<link[^>]*rel=\"?(?:stylesheet|preconnect)[^>]*href=\"?(https?:[^\"> ]*)", text) == [], page


def test_a_link_to_a_missing_page_ends_the_build_with_its_name(copy, tmp_path):
    page = copy / "docs" / "bibliography.md"
    page.write_text(page.read_text("utf-8") + "\n[gone](guides/gone.md)\n", encoding="utf-8")
    done = built(copy, "--site-dir", tmp_path / "out")
    assert done.returncode != 0
    assert "guides/gone.md" in done.stderr
