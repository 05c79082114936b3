import math
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wirelessenv.config import ConfigError, assignment, read_yaml
from wirelessenv.yaml_text import MOST_DEEP, MOST_VALUES, YAMLTextError, read, write

CONFIGS = sorted((Path(__file__).parents[1] / "configs").rglob("*.yaml"))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *((null, None) for null in ("", "~", "null", "Null", "NULL", "# a remark", "---")),
        *((true, True) for true in ("true", "True", "TRUE")),
        *((false, False) for false in ("false", "False", "FALSE")),
        *zip(("0", "-0", "+7", "24", "-3", "9" * 40), (0, 0, 7, 24, -3, 10**40 - 1), strict=True),
        *zip(("1e-3", "1E3", ".5", "-.5e+2", "1.", "00.5"), (1e-3, 1e3, 0.5, -50.0, 1.0, 0.5), strict=True),
        ("1e999", math.inf),
        *zip((".inf", "-.INF", "+.Inf"), (math.inf, -math.inf, math.inf), strict=True),
        # Text, whatever YAML 1.1 made of it.
        *((text, text) for text in ("0x1f", "0o10", "0b11", "1:30", "190:20:30", "1_000", "2020-13-45", "2020-01-01", "1e")),
        *((text, text) for text in ("yes", "no", "on", "off", "y", "nan", "inf", ".", "-a", "=", "TrUe", "12 dB", "+.nan")),
        *zip(('"010"', "'1e-3'", '"null"', "''"), ("010", "1e-3", "null", ""), strict=True),
        ('"\\ud83d\\ude00"', "\U0001f600"),  # as JSON writes it
        ("[1, [a, {b: ~}]]", [1, ["a", {"b": None}]]),
        ("{1: a, 1e-3: b, on: c, ~: d}", {"1": "a", "1e-3": "b", "on": "c", "~": "d"}),  # keys are text as written
        ("a: &x {k: 1}\nb: *x\nc: {<<: *x, k: 2, l: 3}", {"a": {"k": 1}, "b": {"k": 1}, "c": {"k": 2, "l": 3}}),
        ("- &x {k: 1, l: 1}\n- &y {k: 2}\n- {<<: [*y, *x]}", [{"k": 1, "l": 1}, {"k": 2}, {"k": 2, "l": 1}]),
        ("'<<': 1", {"<<": 1}),
    ],
)  # fmt: skip
def test_values_are_those_of_the_core_schema(written, value):
    found = read(written)
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_number():
    assert math.isnan(read(".nan"))
    assert math.isnan(read(".NaN"))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("transmitters: 010", 'transmitters: 010 is not valid: .* write 10, or "010" for text'),
        ("a: [{b: -0_7}]", 'a.0.b: -0_7 is not valid: .* write -7, or "-0_7" for text'),
        ("a: 00", 'a: 00 is not valid: .* write 0, or "00" for text'),
        ("a: " + "9" * 5000, "a: 9+... is not valid: it has more than 1000 digits"),
        ("a: !!int x", 'the tag "tag:yaml.org,2002:int" is not taken: leave it out, line 1, column 4'),
        *((f"a: {tag} b", "the tag") for tag in ("!", "!foo", "!!map", "!!python/name:os.system", "!<x>")),
        *((f"a: !!{tag}", "the tag") for tag in ("map {}", "seq []", "str", "timestamp 2020-13-45", "binary =")),
        ("!!str a: 1", "a key should be text"),
        ("? [a, b]\n: 1", "a key should be text"),
        ("{[a]: 1}", "a key should be text"),
        ("? {a: 1}", "a key should be text"),
        ("- &x a\n- {*x : 1}", "a key should be text"),
        ("?\n: 1", "a key is missing"),
        ("a: 1\n'a': 2", 'the key "a" is given twice, line 2, column 1'),
        ("a: [{b: 1, c: 2, b: 3}]", 'the key "b" is given twice'),
        ("<<: {a: 1}\n<<: {b: 1}", 'the key "<<" is given twice'),
        ("<<: 1", 'the key "<<" takes a mapping'),
        ("a: *x", 'the alias "x" names nothing above it'),
        ("&a [*a]", 'the alias "a" names nothing above it'),
        ("a: 1\n---\nb: 1", "there should be one document alone"),
        ("a: b: c", "mapping values are not allowed here, line 1, column 5"),
        ("a: [1", "not valid YAML"),
        ("a: 1\n- 2", "not valid YAML"),
        ("a: \x00", "the character U\\+0000 should not be there"),
        ("a: \ud800", "the character U\\+D800 should not be there"),
        ('"\\ud800"', "holds half a character"),
        ('"\\U00110000"', "not valid YAML"),
        ("%YAML 3.0\n---\na", "not valid YAML"),
        ("%YAML\n---\na", "not valid YAML"),
    ],
)
def test_what_is_no_configuration_is_one_sentence(written, said, tmp_path):
    with pytest.raises(YAMLTextError, match=said):
        read(written)
    with pytest.raises(ConfigError, match=r"^--set: ") as caught:
        assignment(f"x={written}")
    assert "\n" not in str(caught.value)
    (tmp_path / "a.yaml").write_bytes(written.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError, match=r"a\.yaml: ") as caught:
        read_yaml(tmp_path / "a.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


def aliases(levels, width):
    lines = ["- &a0 [x]", *(f"- &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels))]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[" * 3000, f"nested more than {MOST_DEEP} deep"),
        ("{a: " * 3000, f"nested more than {MOST_DEEP} deep"),
        ("- " * 3000, f"nested more than {MOST_DEEP} deep"),
        (aliases(13, 10), f"more than {MOST_VALUES} values"),
        (aliases(100, 1), f"nested more than {MOST_DEEP} deep"),
        ("- x\n" * 20 + "#" * 3_000_000, "longer than"),
    ],
)
def test_depth_size_and_aliases_are_bounded(written, said):
    started = time.process_time()
    with pytest.raises(YAMLTextError, match=said):
        read(written)
    assert time.process_time() - started < 5  # they took for ever, or all memory


def test_the_bounds_leave_room():
    deep = "[" * MOST_DEEP + "]" * MOST_DEEP
    assert repr(read(deep)) == deep
    assert read(aliases(5, 10))[4][0][0][0][0] == ["x"]
    with pytest.raises(ConfigError, match="write KEY=VALUE"):
        assignment(".".join("a" * 3000) + "=1")
    with pytest.raises(ConfigError, match="nested more than"):
        assignment(".".join("a" * 60) + "=" + "[" * 10)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_files_that_are_there_mean_what_they_meant(path):
    """To PyYAML, 2.0e9 is text, which fields of numbers take for the number."""
    there, before = read_yaml(path), yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "cellular" and path.parent.name == "scenarios":
        before["fading"]["carrier"] = float(before["fading"]["carrier"])
    assert there == before
    assert read(yaml.safe_dump(there)) == there  # as run directories have kept it so far


TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["010", "1e-3", "-.5", "1:30", "null", "~", "yes", "2020-01-01", "0x1f", "<<", "=", "1_000", ".inf", "- a", "# b", "a: b"]
)  # fmt: skip
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(data=DATA)
def test_what_is_written_is_read_back_also_by_others(data):
    def exactly(value):
        return repr(value)  # 1, 1.0 and True are equal, and not the same

    assert exactly(read(write(data))) == exactly(data)
    assert exactly(yaml.safe_load(write(data))) == exactly(data)


@given(
    text=st.text(st.sampled_from(list("ab01:-_.+e{}[],&*!?<|>'\"#%\n \\x~")))
    | st.binary().map(lambda one: one.decode("latin1"))
)
def test_any_text_is_a_value_or_a_sentence(text):
    try:
        said = str(read(text) and "")
    except YAMLTextError as error:
        said = str(error)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbfa: 1", None),  # with a byte order mark
        ("a: 1".encode("utf-16"), "not UTF-8 text"),
        (b"a: \xff", "not UTF-8 text"),
        (b"", "holds nothing"),
        (b"# nothing", "holds nothing"),
        (b"just text", "holds 'just text'"),
    ],
)
def test_files_are_utf_8_and_hold_a_mapping(tmp_path, content, said):
    (tmp_path / "a.yaml").write_bytes(content)
    if said is None:
        assert read_yaml(tmp_path / "a.yaml") == {"a": 1}
        return
    with pytest.raises(ConfigError, match=said):
        read_yaml(tmp_path / "a.yaml")


def test_a_path_that_cannot_be_is_a_sentence():
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml("a\0b.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml("a" * 5000 + ".yaml")
