"""The site: built strictly, so that a link, a page, a notebook or an example that fails ends the build; needs `.[docs]`."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LOOKED_AT = ["index", "start", "guides/presets/dense", "algorithms/dasgd", "notebooks/talking", "api/environment"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("mkdocs") is None, reason="the extra docs is not installed"),
]


def built(folder, *more):
    """The process of a build of a checkout in a folder."""
    search_path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": search_path}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", *more]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=1800, check=False)  # noqa: S603  # our own site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    done = built(ROOT, "--site-dir", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copy(tmp_path):
    """A checkout to damage, with what the last build has kept."""
    left_out = shutil.ignore_patterns(".git", ".venv*", ".hypothesis", ".*_cache", "runs", "__pycache__")
    copied = Path(shutil.copytree(ROOT, tmp_path / "copy", ignore=left_out))
    if (ROOT / ".docs_cache").exists():
        shutil.copytree(ROOT / ".docs_cache", copied / ".docs_cache")
    return copied


def test_pages_load_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 100
    for page in pages:
        text = page.read_text("utf-8")
        assert re.findall(r"<(?:script|img|iframe)[^>]*src=\"?(https?:[^\"> ]*)", text) == [], page
        assert re.findall(r"<link[^>]*rel=\"?(?:stylesheet|preconnect)[^>]*href=\"?(https?:[^\"> ]*)", text) == [], page


def test_programs_have_written_their_pages(site):
    assert "1.4272" in (site / "guides/presets/gaussian.html").read_text("utf-8")
    assert (site / "guides/presets/d2d.png").read_bytes().startswith(b"\x89PNG")
    listing = (site / "algorithms/zeroth_order.html").read_text("utf-8")
    assert all(said in listing for said in ("if it queries: measure", "smoothing", "p = 0.5 gains more slowly than p = 0.9"))
    assert 'href="presets/dense.html"' in (site / "guides/scenarios.html").read_text("utf-8")
    assert "bit/s/Hz a slot" in (site / "examples/environment_loop.py.html").read_text("utf-8")
    assert (site / "notebooks/talking_0.png").exists()
    assert "ZerothOrderLearner" in (site / "api/algorithms.html").read_text("utf-8")


def test_a_link_to_a_missing_page_ends_the_build_with_its_name(copy, tmp_path):
    page = copy / "docs" / "bibliography.md"
    page.write_text(page.read_text("utf-8") + "\n[gone](guides/gone.md)\n", encoding="utf-8")
    done = built(copy, "--site-dir", tmp_path / "out")
    assert done.returncode != 0
    assert "guides/gone.md" in done.stderr


def test_a_page_that_is_not_in_the_navigation_ends_the_build_with_its_name(copy, tmp_path):
    (copy / "docs" / "guides" / "forgotten.md").write_text("# Forgotten\n", encoding="utf-8")
    done = built(copy, "--site-dir", tmp_path / "out")
    assert done.returncode != 0
    assert "guides/forgotten.md" in done.stderr


def test_a_notebook_that_fails_ends_the_build_with_its_name(copy, tmp_path):
    notebook = copy / "docs" / "notebooks" / "first_steps.ipynb"
    content = json.loads(notebook.read_text("utf-8"))
    next(cell for cell in content["cells"] if cell["cell_type"] == "code")["source"] = ["1 / 0"]
    notebook.write_text(json.dumps(content), encoding="utf-8")
    done = built(copy, "--site-dir", tmp_path / "out")
    assert done.returncode != 0
    assert "first_steps.ipynb: a cell ends with ZeroDivisionError" in done.stderr


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
@pytest.mark.parametrize(
    "page", ["index", "start", "guides/presets/dense", "algorithms/dasgd", "notebooks/talking", "api/environment"]
)
def test_a_browser_shows_the_page(site, page, tmp_path):
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    flags += ["--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1300,900", "--hide-scrollbars"]
    shot = tmp_path / "page.png"
    command = [BROWSER, *flags, f"--screenshot={shot}", f"file://{site}/{page}.html"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603  # a browser of the system
    seen = np.asarray(Image.open(shot).convert("L"), float)
    assert seen.shape == (900, 1300)
    assert (seen[:40].std(), seen[150:, 300:1000].std()) > (5, 5)  # a head with the name, and text
    assert 0.005 < (seen[150:, 300:1000] < 128).mean() < 0.5
