from typing import Literal

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from wirelessenv.channel.fading import Rayleigh
from wirelessenv.config import (
    ConfigError,
    Count,
    Model,
    NonNegative,
    Number,
    Piece,
    Positive,
    Probability,
    Seed,
    merge,
    nearest,
    read_yaml,
)
from wirelessenv.scenario import Messaging, Scenario


class Engine(Piece):
    pass


class Steam(Engine):
    kind: Literal["steam"] = "steam"
    pressure: Positive = 2.0


class Diesel(Engine):
    kind: Literal["diesel"] = "diesel"


class Hull(Piece):
    pass


class Wood(Hull):
    kind: Literal["wood"] = "wood"


class Ship(Model):
    engine: Engine = Steam()
    length: Positive = 1.0
    draught: NonNegative = 0.0
    heading: Number = 0.0
    luck: Probability = 0.5
    masts: Count = 1
    seed: Seed = 0


def refusal(data, where="ship"):
    with pytest.raises(ConfigError) as caught:
        Ship.parse(data, where)
    return str(caught.value)


def test_an_unknown_key_is_refused_with_the_nearest_known_one():
    assert refusal({"lenght": 2}) == 'ship: unknown key "lenght" (did you mean "length"?)'
    assert refusal({"engine": {"kind": "steam", "presure": 2}}) == (
        'ship.engine: unknown key "presure" (did you mean "pressure"?)'
    )


def test_an_unknown_key_with_no_near_one_is_refused_with_all_known_ones():
    assert refusal({"zzz": 2}) == 'ship: unknown key "zzz" (known: draught, engine, heading, length, luck, masts, seed)'


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"length": 0}, "ship.length: 0 is not valid: it should be greater than 0"),
        ({"draught": -1}, "ship.draught: -1 is not valid: it should be 0 or more"),
        ({"luck": 1.5}, "ship.luck: 1.5 is not valid: it should be 1 or less"),
        ({"heading": float("inf")}, "ship.heading: inf is not valid: it should be a finite number"),
        ({"length": float("nan")}, "ship.length: nan is not valid: it should be a finite number"),
        ({"masts": 2.0}, "ship.masts: 2.0 is not valid: it should be a whole number"),
        ({"masts": 0}, "ship.masts: 0 is not valid: it should be 1 or more"),
        ({"seed": -1}, "ship.seed: -1 is not valid: it should be 0 or more"),
        ({"engine": {"kind": "steam", "pressure": 0}}, "ship.engine.pressure: 0 is not valid: it should be greater than 0"),
        (3, "ship: 3 is not valid: it should be a mapping of keys to values"),
    ],
)
def test_a_refusal_names_field_value_and_what_is_right(data, sentence):
    assert refusal(data) == sentence


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("field", ["length", "draught", "heading", "luck", "masts", "seed"])
def test_a_truth_value_is_no_number(field, value):
    assert refusal({field: value}).startswith(f"ship.{field}: {value} is not valid: it should be a")


def test_a_refusal_without_a_place_begins_with_the_field():
    assert refusal({"masts": "two"}, where="").startswith("masts: 'two' is not valid")


def test_a_refusal_shows_any_value_on_one_short_line():
    sentence = refusal({"length": np.zeros((30, 4))})
    assert "\n" not in sentence
    assert len(sentence) < 150
    assert "\n" not in refusal({"a\nb": 1})


def test_a_number_that_yaml_reads_as_text_is_a_number():
    assert yaml.safe_load("length: 1e-3") == {"length": "1e-3"}  # YAML 1.1 wants a dot
    assert Ship.parse(yaml.safe_load("length: 1e-3")).length == 0.001


def test_a_piece_is_chosen_by_name_by_mapping_or_by_instance():
    assert Ship.parse({"engine": "diesel"}).engine == Diesel()
    assert Ship.parse({"engine": "steam"}) == Ship.parse({"engine": {"kind": "steam"}}) == Ship.parse({"engine": Steam()})
    assert Ship.parse({"engine": {"kind": "steam", "pressure": 3}}).engine == Steam(pressure=3.0)
    assert Engine.parse("diesel") == Diesel()


@pytest.mark.parametrize("value", [3, None, [], {}, {"pressure": 3}, {"kind": 3}, True, Wood()])
def test_what_is_no_piece_of_the_family_is_refused(value):
    assert refusal({"engine": value}) == "ship.engine: should be a kind or a mapping with a kind (known: diesel, steam)"


@pytest.mark.parametrize("key", ["KAPPA", "Kapa", "kappa_"])
def test_the_nearest_name_is_found_in_any_case(key):
    assert nearest(key, ["kappa", "Stride"]) == ' (did you mean "kappa"?)'
    assert nearest("STRIDE", ["kappa", "Stride"]) == ' (did you mean "Stride"?)'


def test_an_unknown_kind_is_refused_with_the_nearest_known_one():
    assert refusal({"engine": "diesle"}) == 'ship.engine: unknown kind "diesle" (did you mean "diesel"?)'
    assert refusal({"engine": {"kind": "wood"}}) == 'ship.engine: unknown kind "wood" (known: diesel, steam)'


def test_configurations_are_frozen():
    ship = Ship()
    with pytest.raises(ValidationError):
        ship.length = 3.0
    with pytest.raises(ValidationError):
        ship.engine.pressure = 3.0
    assert (ship.length, ship.engine) == (1.0, Steam())


def test_parse_undoes_dump_also_through_yaml():
    ship = Ship.parse({"engine": {"kind": "steam", "pressure": 0.1}, "masts": 3, "luck": 1 / 3})
    assert Ship.parse(ship.dump()) == ship
    assert Ship.parse(yaml.safe_load(yaml.safe_dump(ship.dump()))) == ship


@pytest.mark.parametrize(
    ("base", "changes", "merged"),
    [
        ({"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": {"x": 1}}, {"a": 3}, {"a": 3}),
        ({"a": 3}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({}, {"a": {"kind": "k"}}, {"a": {"kind": "k"}}),
        ({"a": {"kind": "k", "x": 1}}, {"a": {"kind": "k", "y": 2}}, {"a": {"kind": "k", "x": 1, "y": 2}}),
        ({"a": {"kind": "k", "x": 1}}, {"a": {"kind": "other", "y": 2}}, {"a": {"kind": "other", "y": 2}}),
        ({"a": {"x": 1}}, {"a": {"kind": "other"}}, {"a": {"kind": "other"}}),
        ({"a": {"preset": "p", "x": 1}}, {"a": {"preset": "q"}}, {"a": {"preset": "q"}}),
        ({"a": {"kind": "k", "x": 1}}, {"a": "other"}, {"a": "other"}),
        ({"a": {"b": {"kind": "k", "x": 1}, "c": 1}}, {"a": {"b": {"kind": "l"}}}, {"a": {"b": {"kind": "l"}, "c": 1}}),
    ],
)
def test_merge(base, changes, merged):
    before = yaml.safe_dump([base, changes])
    assert merge(base, changes) == merged
    assert yaml.safe_dump([base, changes]) == before


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (None, "there is no such file"),
        (b"a: [1", "not valid YAML"),
        (b"a: 1\n- 2\n", "not valid YAML"),
        (b"a: 1\nb: {c: 1, c: 2}\n", 'not valid YAML (the key "c" is given twice'),
        (b"[" * 3000, "not valid YAML (it is nested more than 64 deep"),
        (b"\xff\xfe\xfa", "cannot be read"),
        (b"- 1\n- 2\n", "should hold a mapping of keys to values, and holds [1, 2]"),
        (b"", "should hold a mapping of keys to values, and holds nothing"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path, content, fragment):
    path = tmp_path / "settings.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}: {fragment}")
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path)


def test_a_fault_in_a_file_is_reported_with_the_file(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("links: {dealy: 3}", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        Messaging.from_yaml(path)
    assert str(caught.value) == f'{path}.links: unknown key "dealy" (did you mean "delay"?)'


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 30) | st.floats() | st.sampled_from(["rician", "paper", "x\ny", ""]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["kind", "preset", "delay", "k"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest.mark.parametrize("model", [Scenario, Messaging])
@given(data=st.data())
def test_whatever_is_written_it_is_a_configuration_or_one_sentence(model, data):
    written = data.draw(st.dictionaries(st.sampled_from([*model.model_fields, "other"]), values, max_size=2) | values)
    try:
        read = model.of(written)
    except ConfigError as error:
        sentence = str(error)
    else:
        sentence = f"{model.__name__.lower()} is read"
        assert model.of(read.dump()) == read
    assert "\n" not in sentence
    assert sentence.startswith(model.__name__.lower())


def test_a_kind_belongs_to_one_class():
    with pytest.raises(ConfigError, match=r'kind: "steam" of .*Kettle is not valid: Steam has it already'):

        class Kettle(Engine):
            kind: Literal["steam"] = "steam"

    assert Engine.kinds["steam"] is Steam


def test_a_subclass_that_keeps_its_parents_kind_does_not_take_its_place():
    class Stronger(Rayleigh):
        """A law that is used as an object, not by name."""

    assert type(Scenario(fading="rayleigh").fading) is Rayleigh
    assert type(Scenario(fading=Stronger()).fading) is Stronger


def test_half_a_unicode_character_is_refused_in_one_sentence():
    with pytest.raises(ConfigError, match=r'unknown kind "\\ud800" \(known: '):
        Scenario.parse({"fading": "\ud800"})
    with pytest.raises(ConfigError, match=r'unknown key "pre\\ud800" \(did you mean "preset"\?\)'):
        Scenario.parse({"pre\ud800": "x"})
