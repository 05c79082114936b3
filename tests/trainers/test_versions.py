"""Directories that another version has begun: they go on where numbers are the same, and are refused elsewhere."""

import json

import pytest

from tests.trainers.test_sources import CONFIG
from trainers.experiments.experiment import Experiment
from trainers.experiments.run_directory import RunDirectory
from trainers.workbench.work_directory import SAME_NUMBERS
from wirelessenv import __version__
from wirelessenv.config import ConfigError

PLAIN = Experiment.parse(
    CONFIG | {"scenario": {"preset": "dense", "transmitters": 4, "hops": 2}, "curves": {"one": {}}}, "experiment"
)


def begun_by(version, place):
    """A directory as this version has begun it."""
    with RunDirectory.opened(place, PLAIN, resume=False, device="cpu") as directory:
        manifest = directory.path / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"wirelessenv": version}))
    return place


@pytest.mark.parametrize("version", SAME_NUMBERS)
def test_versions_with_the_same_numbers_go_on(version, tmp_path):
    with RunDirectory.opened(begun_by(version, tmp_path / "out"), PLAIN, resume=True, device="cpu") as directory:
        assert directory.experiment() == PLAIN


def test_another_version_is_refused_with_what_to_do(tmp_path):
    place = begun_by("0.0.9", tmp_path / "out")
    with (
        pytest.raises(ConfigError, match=rf"begun with wirelessenv 0\.0\.9 and this is {__version__}.*add --force to go on"),
        RunDirectory.opened(place, PLAIN, resume=True, device="cpu"),
    ):
        pass
    assert __version__ in SAME_NUMBERS
    assert "0.1.0" in SAME_NUMBERS
