"""python -m wirelessenv, as a user meets it."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageSequence

from wirelessenv.__main__ import main
from wirelessenv.presets import ABOUT, MESSAGINGS, SCENARIOS


def test_list_prints_every_preset_with_its_source_and_settings(capsys):
    assert main(["list"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for model, presets in (("Scenario", SCENARIOS), ("Messaging", MESSAGINGS)):
        for name in presets:
            assert f" {name} {ABOUT[model, name]}" in printed
    for setting in ("noise: 6.295e-14", "sinr_cap_db: 30", "kind: jakes", "receivers: 6"):
        assert setting in printed
    assert len(ABOUT) == len(SCENARIOS) + len(MESSAGINGS)


@pytest.mark.parametrize("options", [[], ["--messages", "--powers", "full", "--seed", "3"]])
def test_show_writes_a_clip(tmp_path, capsys, options):
    out = tmp_path / "clip.gif"
    assert main(["show", "dense", "--out", str(out), "--slots", "12", "--fps", "5", *options]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    with Image.open(out) as clip:
        assert (clip.n_frames, clip.size, clip.info["duration"]) == (12, (900, 600), 200)
        frames = [np.asarray(frame.convert("RGB")).copy() for frame in ImageSequence.Iterator(clip)]
    assert all((one != other).any() for one, other in pairwise(frames))
    assert [path.name for path in tmp_path.iterdir()] == ["clip.gif"]


def test_show_takes_a_yaml_file(tmp_path):
    scenario = tmp_path / "mine.yaml"
    scenario.write_text("preset: gaussian\ntransmitters: 3\n")
    assert main(["show", str(scenario), "--out", str(tmp_path / "clip.gif"), "--slots", "2"]) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["dens"], 'SCENARIO: unknown preset "dens" (did you mean "dense"?); a YAML file serves, too'),
        (["nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["dense", "--out", "clip.mp4"], "--out: clip.mp4 is not valid: a clip is a GIF; name it clip.gif"),
        (["dense", "--out", "no/clip.gif"], "--out: no/clip.gif is not valid: its directory does not exist"),
        (["dense", "--slots", "0"], "--slots: 0 is not valid: it should be 1 or more"),
        (["dense", "--fps", "-1"], "--fps: -1 is not valid: it should be 1 or more"),
        (["dense", "--seed", "-1"], "seed: -1 is not valid: a seed is a whole number, 0 or more"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_writes_nothing(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(["show", *arguments]) == 2
    assert capsys.readouterr().err.strip() == sentence
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    out = tmp_path / "clip.gif"
    assert main(["show", "dense", "--out", str(out), "--slots", "2"]) == 1
    assert capsys.readouterr().err.strip() == f"{out}: cannot be written (No space left on device)"
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_cannot_be_written_says_so(monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        "wirelessenv.listing.print",
        lambda *given, **options: print(*given, **options) if options.get("file") else full(),
        raising=False,
    )
    assert main(["list"]) == 1
    assert capsys.readouterr().err.strip() == "output: cannot be written (No space left on device)"
