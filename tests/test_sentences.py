"""Errors are said in our words: no phrase of pydantic's, and nothing long."""

import re
from inspect import isabstract
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import Field

import trainers.fidelity.claims  # noqa: F401  # its models are among those
from trainers.algorithms.pars_push import PARSPushLearner
from trainers.experiments.experiment import Experiment
from trainers.problems.least_squares import LeastSquares
from trainers.problems.quadratic import Quadratic
from trainers.problems.ridge_regression import RidgeRegression
from wirelessenv import ConfigError
from wirelessenv.config import Count, CountOrZero, Model, NonNegative, Number, Probability, Seed, finite, whole
from wirelessenv.envs.settings import Settings
from wirelessenv.scenario import Messaging, Scenario
from wirelessenv.sentences import shown
from wirelessenv.streams import run_seeds

PYDANTIC = re.compile(
    r"[Ii]nput (should|tag|vio)|valid (dict|list|tuple|string|number|integer|bool)|after validation|\[key\]| items?\b"
)
WRONG = [
    *(None, True, -1, 0, 10**30, 0.5, float("nan"), 1e300, "x", "", b"x", [], [1], [[]], {}, {"x": 1}, {1: 2}, {None: 1}),
    *(object(), {1, 2}, (1, 2, 3), 1j, 10**5000, "\ud800", np.datetime64("2020-01-01"), np.zeros(3), [None] * 5),
]


class Everything(Model):
    """A field of each sort that models of the project have."""

    count: Count = 1
    zero: CountOrZero = 0
    seed: Seed = 0
    number: Number = 0.0
    probability: Probability = 0.0
    some: NonNegative = 0.0
    truth: bool = Field(False, strict=True)
    text: str = ""
    name: Annotated[str, Field(min_length=1, max_length=3)] = "a"
    choice: Literal["a", "b"] = "a"
    one: Literal[1] = 1
    maybe: Count | None = None
    listed: tuple[Count, ...] = Field((1,), min_length=1, max_length=2)
    pair: tuple[Number, Number] = (0.0, 1.0)
    mapping: dict[str, dict[str, Any]] = Field({"a": {}}, min_length=1)
    named: dict[Annotated[str, Field(min_length=1, max_length=3)], Count] = Field({})
    scenario: Scenario = Scenario()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"count": 0}, "count: 0 is not valid: it should be 1 or more"),
        ({"count": "1"}, "count: '1' is not valid: it should be a whole number"),
        ({"count": 1.0}, "count: 1.0 is not valid: it should be a whole number"),
        ({"number": "a"}, "number: 'a' is not valid: it should be a number"),
        ({"number": float("inf")}, "number: inf is not valid: it should be a finite number"),
        ({"truth": 1}, "truth: 1 is not valid: it should be true or false"),
        ({"text": 3}, "text: 3 is not valid: it should be text"),
        ({"name": ""}, "name: '' is not valid: it should be text of 1 characters or more"),
        ({"name": "abcd"}, "name: 'abcd' is not valid: it should be text of 3 characters or fewer"),
        ({"choice": "c"}, "choice: 'c' is not valid: it should be 'a' or 'b'"),
        ({"listed": []}, "listed: [] is not valid: its length should be 1 or more, and is 0"),
        ({"listed": [1, 2, 3]}, "listed: [1, 2, 3] is not valid: its length should be 2 or less"),
        ({"listed": [1, 0]}, "listed.1: 0 is not valid: it should be 1 or more"),
        ({"listed": 3}, "listed: 3 is not valid: it should be a list"),
        ({"pair": [1]}, "pair.1: missing: the list is too short"),
        ({"mapping": {}}, "mapping: {} is not valid: its length should be 1 or more, and is 0"),
        ({"mapping": []}, "mapping: [] is not valid: it should be a mapping of keys to values"),
        ({"mapping": {"a": 1}}, "mapping.a: 1 is not valid: it should be a mapping of keys to values"),
        ({"mapping": {1: {}}}, "mapping.1: this key is not valid: it should be text"),
        ({"named": {"abcd": 1}}, "named.abcd: this key is not valid: it should be text of 3 characters or fewer"),
        ({"named": {"a": 0}}, "named.a: 0 is not valid: it should be 1 or more"),
        ({"scenario": 3}, "scenario: 3 is not valid: it should be a mapping of keys to values"),
        ({"scenario": {"noise": []}}, "scenario.noise: [] is not valid: its length should be 1 or more, and is 0"),
    ],
)
def test_faults_are_said_in_our_words(data, said):
    with pytest.raises(ConfigError) as caught:
        Everything.parse(data)
    assert str(caught.value) == said


def kinds(model):
    yield model
    for inner in model.__subclasses__():
        yield from kinds(inner)


MODELS = [model for model in kinds(Model) if model.__module__.split(".")[0] in ("wirelessenv", "trainers", "baselines")]


@pytest.mark.parametrize("model", [Everything, *(model for model in dict.fromkeys(MODELS) if not isabstract(model))])
def test_no_model_speaks_as_pydantic_does(model):
    """A missing field is said before a wrong one, so every field is tried alone, and wrong values beside each other."""
    for field in model.model_fields:
        for value in WRONG:
            try:
                model.parse({field: value}, "here")
            except ConfigError as error:
                said = str(error)
            else:
                continue
            assert not PYDANTIC.search(said), said
            assert "\n" not in said
            assert len(said) < 700
            assert said.startswith("here")


def test_curves_are_named_by_their_path():
    with pytest.raises(ConfigError) as caught:
        Experiment(curves={"fast": {"learner": {"step_size": -1}}})
    assert str(caught.value) == "Experiment: curves.fast.learner.step_size: -1 is not valid: it should be 0 or more"
    with pytest.raises(ConfigError) as caught:
        Experiment(curves={1: {}})
    assert str(caught.value) == "Experiment.curves.1: this key is not valid: it should be text"


def test_what_is_shown_is_cut_before_it_is_formatted():
    bomb: Any = "x"
    for _ in range(60):
        bomb = [bomb, bomb]
    loop: list[Any] = []
    loop.append(loop)
    for value in (bomb, loop, "x" * 10**8, b"x" * 10**8, 10**100_000, {1: bomb}, [[[[[[[1]]]]]]], np.zeros((2000, 2000))):
        assert len(shown(value)) <= 60
    assert shown([1, "a", {"b": None}]) == "[1, 'a', {'b': None}]"
    assert shown("x" * 70) == "'" + 56 * "x" + "..."


NUMPY = [np.int64, np.int8, np.uint32, np.array]


@pytest.mark.parametrize("of", NUMPY)
def test_numpys_numbers_are_numbers(of):
    scenario = Scenario(preset=np.str_("dense"), transmitters=of(6), noise=np.float32(0.5), layout_seed=of(3))
    assert scenario == Scenario(preset="dense", transmitters=6, noise=0.5, layout_seed=3)
    assert type(scenario.transmitters) is int
    assert type(scenario.noise) is float
    assert Scenario.parse(scenario.dump()) == scenario
    links = Messaging(links={"delay": of(2), "loss": np.float64(0.5)}, relay=np.bool_(True), graph={"kind": "ring"})
    assert links == Messaging(links={"delay": 2, "loss": 0.5}, relay=True, graph={"kind": "ring"})
    assert Experiment(seeds=of(3)).seeds == (0, 1, 2)
    assert Experiment(seeds=np.arange(3, dtype=np.int16)).seeds == (0, 1, 2)
    assert Experiment(seeds=[of(4), of(7)], curves={"a": {"learner": {"batch": of(5)}}}).curve("a").learner.batch == 5
    assert Settings(max_cycles=of(30), levels=of(4), actions=np.str_("discrete")).max_cycles == 30


@pytest.mark.parametrize(
    "value", [np.bool_(True), np.float64(6), np.array([6]), np.array(6.5), np.datetime64(6, "s"), np.str_("6")]
)
def test_numpys_others_are_no_counts(value):
    with pytest.raises(ConfigError, match=r"transmitters: .* is not valid: it should be a whole number"):
        Scenario(transmitters=value)


def test_numbers_are_no_truth_values():
    for value in (np.int64(1), np.array(1.0), 1):
        with pytest.raises(ConfigError, match=r"relay: 1.* is not valid: it should be true or false"):
            Messaging(relay=value)


def test_what_is_nested_too_deeply_is_a_sentence():
    value: Any = 1
    for _ in range(5000):
        value = {"x": value}
    loop: list[Any] = []
    loop.append(loop)
    for deep in (value, loop):
        with pytest.raises(ConfigError, match="nested more than 64 deep"):
            Experiment(curves={"a": deep})


@pytest.mark.parametrize("of", NUMPY)
def test_constructors_take_numpys_numbers_too(of):
    assert run_seeds(of(3)) == run_seeds([of(3)]) == (3,)
    assert type(whole("n", of(3))) is type(whole("n", 3)) is int
    assert finite("x", of(3)) == finite("x", np.float32(3)) == 3
    one, other = Quadratic(of(4), 1, 2, clients=of(2), seed=of(3)), Quadratic(4, 1, 2, clients=2, seed=3)
    assert one.minimiser.tolist() == other.minimiser.tolist()
    point = np.ones(4)
    two, too = LeastSquares(of(2), of(4), seed=of(3)), LeastSquares(2, 4, seed=3)
    assert two.gradient(0, point).tolist() == too.gradient(0, point).tolist()
    given = RidgeRegression(clients=of(2), size=of(3), budget=of(0), noise=np.float32(0.5))
    assert given.budget == 0
    settings = {"inner_steps": of(2), "decay": of(1), "inner_step_size": np.float32(0.5)}
    chosen = PARSPushLearner(other, Messaging(graph="ring"), step_size=of(1), seed=of(0), **settings).settings
    assert (chosen.inner_steps, chosen.decay, chosen.inner_step_size) == (2, 1, 0.5)


@pytest.mark.parametrize("wrong", [np.bool_(True), np.float64(2.5), np.nan, "2", None, [2], np.array([2]), 10**2000, -1])
def test_what_is_no_count_is_refused_by_constructors(wrong):
    for least in (0, 1):
        with pytest.raises(ConfigError, match=r"^n: .* is not valid: it should be "):
            whole("n", wrong, least)
