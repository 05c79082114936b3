"""The checksum of a user's own code follows whatever it is made of, and nothing else."""

import importlib
import sys

import pytest

from wirelessenv import own_code
from wirelessenv.channel.fading import Fading
from wirelessenv.scenario import Scenario

TEXTS = {
    "own_module.py": "import functools\nfrom own_package.inner import share\n\n"
    "def plain(gain, noise, p_max):\n    import own_late\n    return share\n\npartial = functools.partial(plain, 1)\n",
    "own_package/__init__.py": "",
    "own_package/inner.py": "from . import deeper\nfrom .deeper import share\n",
    "own_package/deeper.py": "share = 0.5\n",
    "own_late.py": "late = 1\n",
    "own_stranger.py": "nobody = 'imports this'\n",
    "own_law.py": "from typing import Literal\nfrom wirelessenv.channel.fading import NoFading\n\n"
    "class OwnLaw(NoFading):\n    kind: Literal['own_law'] = 'own_law'\n",
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "own_package").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    importlib.invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]
    Fading.kinds.pop("own_law", None)


@pytest.mark.parametrize("name", [name for name in TEXTS if name not in ("own_stranger.py", "own_law.py")])
@pytest.mark.parametrize("part", ["plain", "partial"])
def test_it_changes_with_every_file_that_is_imported(place, name, part):
    module = importlib.import_module("own_module")
    parts = (getattr(module, part), module)
    before = own_code.checksum(*parts)
    assert len(before) == 64
    (place / "own_stranger.py").write_text("nobody = 'still'\n")
    assert own_code.checksum(*parts) == before
    (place / name).write_text(TEXTS[name] + "# another\n")
    assert own_code.checksum(*parts) != before
    (place / name).write_text(TEXTS[name])
    assert own_code.checksum(*parts) == before


def test_a_piece_of_ones_own_counts_wherever_it_stands(place):
    importlib.import_module("own_law")
    own = Scenario(fading="own_law")
    before = own_code.checksum(own)
    assert len(before) == 64
    (place / "own_law.py").write_text(TEXTS["own_law.py"] + "\n")
    assert own_code.checksum(own) != before


def test_the_projects_own_code_is_none(place):
    assert own_code.checksum(Scenario(), Scenario) == ""
    assert own_code.checksum() == ""
