"""Whole configurations with wrong values at random places: one sentence, or a valid experiment; never anything else."""

import copy
import io
import json
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trainers.__main__ import main
from trainers.experiments import runner
from trainers.experiments.experiment import Experiment
from wirelessenv import ConfigError

BASE = Experiment.load(Path(__file__).parents[2] / "configs" / "paper" / "fig2.yaml").dump()
WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["paper", "rayleigh", "ring", "1e-3", "-1", "nan", "centralised", "block"]),
    st.lists(st.integers(-2, 3), max_size=3),
    st.dictionaries(st.sampled_from(["kind", "preset", "kappa", "probability", "x", ""]), st.integers(-2, 3), max_size=2),
)


def places(value, path=()):
    """The paths of all keys in nested mappings and lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


PLACES = sorted(places(BASE), key=str)


def changed(path, value):
    data = copy.deepcopy(BASE)
    holder = data
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return data


@given(path=st.sampled_from(PLACES), value=WRONG)
def test_a_wrong_value_anywhere_is_one_sentence_that_names_where(path, value):
    try:
        read = Experiment.parse(changed(path, value))
    except ConfigError as error:
        said = str(error)
        assert "\n" not in said
        assert str(path[0]) in said
    else:
        assert Experiment.parse(yaml.safe_load(read.text())) == read


@given(path=st.sampled_from(PLACES), key=st.text(min_size=1, max_size=6))
def test_an_unknown_key_anywhere_is_refused(path, key):
    data = copy.deepcopy(BASE)
    holder = data
    for step in path:
        if not isinstance(holder[step], dict):
            break
        holder = holder[step]
    if holder is data["curves"] or key in holder or not isinstance(holder, dict):
        return
    holder[key] = 1
    with pytest.raises(ConfigError) as caught:
        Experiment.parse(data)
    assert "\n" not in str(caught.value)


@given(text=st.text(max_size=20), value=WRONG)
def test_any_change_on_the_command_line_is_a_sentence_or_an_experiment(text, value, tmp_path_factory):
    path = tmp_path_factory.mktemp("bad") / "config.yaml"
    path.write_text("seeds: 1\n", encoding="utf-8")
    for change in (text, f"{text}={value}", f"scenario.{text}={value}", f"learner.memory={value}"):
        assert "\n" not in sentence(path, change)


@given(path=st.sampled_from(PLACES), value=WRONG, by_option=st.booleans())
def test_a_wrong_value_leaves_with_status_2_and_one_sentence_and_writes_nothing(path, value, by_option):
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch, redirect_stderr(io.StringIO()) as said:
        patch.setattr(runner, "train", lambda *_, **__: False)  # what can be used stops before its first iteration
        config, out = Path(name) / "config.yaml", Path(name) / "out"
        config.write_text(yaml.safe_dump(BASE if by_option else changed(path, value)), encoding="utf-8")
        option = [f"--set={'.'.join(map(str, path))}={json.dumps(value)}"] if by_option else []
        status = main([str(config), "--out", str(out), "--workers", "1", "--quiet", *option])
        assert status in (2, 130)
        assert len(said.getvalue().splitlines()) == 1
        assert out.exists() == (status == 130)


def sentence(path, change):
    """Sentence that a change is refused with; nothing where it can be used."""
    try:
        Experiment.load(path, [change])
    except ConfigError as error:
        return str(error)
    return ""
