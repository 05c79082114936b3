"""Targets of the fuzzer: each makes the input of a number and hands it to the product.

A target returns "taken" or "refused"; whatever else happens (another exception, a sentence of more than one line) is a fault.
"""

import io
import os
import random
import shutil
import tempfile
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.mutate import Mutator
from tests.fuzz.states import StateMutator
from trainers.workbench.files import read_tensors, write_tensors
from wirelessenv.config import ConfigError, assignment, read_yaml
from wirelessenv.network import WirelessNetwork
from wirelessenv.scenario import Messaging, Scenario

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
MODEST = 40
"""Transmitters of a network that is not only described but played."""


class Fault(Exception):
    """Something that a user should never see."""


def refused(error: ConfigError) -> str:
    """The refusal, if it is one clear sentence."""
    said = str(error)
    for wrong, why in (("\n", "several lines"), ("pydantic", "pydantic's name"), ("Traceback", "a traceback")):
        if wrong in said:
            raise Fault(f"the refusal holds {why}: {said[:300]!r}")
    if not 8 <= len(said) <= 2500:
        raise Fault(f"the refusal has {len(said)} characters: {said[:300]!r}")
    return "refused"


def attempt(call: Callable[[], Any]) -> str:
    try:
        call()
    except ConfigError as error:
        return refused(error)
    except ValueError as error:
        if type(error) is ValueError and str(error).startswith("actions"):  # no configuration: what a policy has done
            return refused(ConfigError(error))
        raise
    return "taken"


SCENARIO: dict[str, Any] = {
    "preset": "dense",
    "transmitters": 6,
    "placement": {"kind": "uniform"},
    "path_loss": {"kind": "power_law", "exponent": 2.0},
    "shadowing": {"kind": "log_normal"},
    "direct_gain_db": 0.0,
    "fading": {"kind": "rician", "k_factor": 4.0},
    "mobility": {"kind": "random_waypoint"},
    "noise": 1.0,
    "max_power": 10.0,
    "sinr_cap_db": 30.0,
    "utility": {"kind": "rate"},
    "hops": 3,
    "threshold": 0.01,
    "observation_scale": "log1p",
    "slot_seconds": 0.02,
    "layout": "fixed",
    "layout_seed": 1,
}
MESSAGING: dict[str, Any] = {
    "graph": {"kind": "k_nearest", "k": 2},
    "activity": {"update": 0.5, "transmit": 0.5},
    "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 3}, "loss": 0.1},
}


@cache
def known(model: type, data: str) -> dict[str, Any]:
    """The keys of `data` that the model takes, so that an input begins as a valid one."""
    kept: dict[str, Any] = {}
    for key, value in {"scenario": SCENARIO, "messaging": MESSAGING}[data].items():
        try:
            model.parse({**kept, key: value})  # type: ignore[attr-defined]  # a Model
        except ConfigError:
            continue
        kept[key] = value
    return kept


def play(scenario: Any, **options: Any) -> None:
    """A few steps in the environment."""
    from wirelessenv import power_control_v0

    env = power_control_v0.parallel_env(scenario, **options)
    env.reset(seed=0)
    for _ in range(3):
        observations, rewards, *_ = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        for agent, seen in observations.items():
            values = seen if isinstance(seen, np.ndarray) else np.zeros(1)
            if not (np.isfinite(values).all() and np.isfinite(rewards[agent])):
                raise Fault(f"{agent} sees {values}, and is paid {rewards[agent]}")


def scenarios(rng: random.Random, folder: Path) -> str:
    data = Mutator(rng).several(known(Scenario, "scenario"))

    def call() -> None:
        scenario = Scenario.of(data)
        if scenario.transmitters <= MODEST:
            play(scenario)

    return attempt(call)


def messagings(rng: random.Random, folder: Path) -> str:
    data = Mutator(rng).several(known(Messaging, "messaging"))

    def call() -> None:
        messaging = Messaging.of(data)
        play({"preset": "dense", "transmitters": 6}, messages="utility", messaging=messaging)

    return attempt(call)


OPTIONS: dict[str, Any] = {
    "scenario": {"preset": "dense", "transmitters": 5},
    "max_cycles": 5,
    "actions": "power",
    "levels": 4,
    "reward": "sum",
    "messages": "utility",
    "observation": ["aggregation", {"kind": "neighbours"}],
    "messaging": {"graph": "ring"},
    "message_interval": 1,
    "message_size": 2,
    "render_mode": None,
}


def options(rng: random.Random, folder: Path) -> str:
    """Environment options, in each form, and actions."""
    import gymnasium

    from wirelessenv import power_control_v0

    mutator = Mutator(rng)
    chosen = {key: value for key, value in OPTIONS.items() if rng.random() < 0.5}
    data = mutator.several(chosen) if chosen else mutator.changed(OPTIONS)
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        data = {"scenario": mutator.odd()}
    action, form = mutator.odd() if rng.random() < 0.5 else None, rng.randrange(4)

    def call() -> None:
        if form == 0:
            env = power_control_v0.parallel_env(**data)
            env.reset(seed=0)
            env.step(
                dict.fromkeys(env.agents, action)
                if action is not None
                else {agent: env.action_space(agent).sample() for agent in env.agents}
            )
        elif form == 1:
            env = power_control_v0.raw_env(**data)
            env.reset(seed=0)
        elif form == 2:
            single = gymnasium.make("wirelessenv:wirelessenv/PowerControl-v0", disable_env_checker=True, **data).unwrapped
            single.reset(seed=0)
            single.step(single.action_space.sample() if action is None else action)
        else:
            many = gymnasium.make_vec("wirelessenv:wirelessenv/PowerControl-v0", num_envs=2, **data)
            many.reset(seed=0)
            many.step(many.action_space.sample() if action is None else action)

    return attempt(call)


def yaml_text(rng: random.Random, folder: Path) -> str:
    from baselines.comparison.comparison import Comparison
    from trainers.experiments.experiment import Experiment

    path = rng.choice(CONFIGS)
    content = path.read_bytes()
    for _ in range(rng.choice([1, 1, 2, 4])):
        content = Mutator(rng).bytes(content)
    file = folder / "input.yaml"
    file.write_bytes(content)
    if path.parent.name == "compare":
        return attempt(lambda: Comparison.load(file))
    if path.parent.name == "scenarios" or path.name == "claims.yaml":
        return attempt(lambda: read_yaml(file))
    return attempt(lambda: Experiment.load(file))


TOKENS = (*"[]{}:,&*!?|>-#'\"%@` 0123456789.eExan~", "true", "null", "kind: ", "ring", "!!int ", "<<", "[" * 500)
KEYS = (
    "scenario",
    "scenario.noise",
    "scenario.transmitters",
    "scenario.fading",
    "messaging.graph",
    "messaging.links.delay",
    "learner",
    "learner.step_size",
    "seeds",
    "iterations",
    "curves",
    "curves.p0.9.messaging",
    "panels",
    "reference",
    "title",
    "problem",
    "policy.hidden",
    "x",
    "",
    ".",
    "a..b",
)


def assignments(rng: random.Random, folder: Path) -> str:
    from trainers.experiments.experiment import Experiment

    value = (
        str(Mutator(rng, python=False).odd())[:5000]
        if rng.random() < 0.5
        else "".join(rng.choice(TOKENS) for _ in range(rng.randrange(1, 12)))
    )
    text = f"{rng.choice(KEYS)}{rng.choice(['=', '=', '=', '=', '', '==', ' = '])}{value}"

    def call() -> None:
        assignment(text)
        Experiment.load(ROOT / "configs" / "paper" / "fig2.yaml", [text])

    return attempt(call)


EXPERIMENT: dict[str, Any] = {
    "title": "t",
    "scenario": {"preset": "dense", "transmitters": 4},
    "messaging": {"graph": "ring"},
    "problem": {"kind": "wireless", "evaluation_slots": 5},
    "policy": {"hidden": [4]},
    "learner": {"kind": "zeroth_order", "batch": 2, "memory": 20, "smoothing": 0.5, "step_size": 0.1},
    "iterations": 3,
    "evaluate_every": 2,
    "seeds": 1,
    "curves": {"a": {}, "b": {"learner": {"step_size": 0.3}}},
    "reference": "a",
    "panels": [{"title": "p", "x": "slots", "y": "utility", "curves": ["a"]}],
}
LEARNERS = (
    {"learner": {"kind": "zeroth_order", "batch": 2, "memory": 20}},
    {"learner": {"kind": "first_order", "batch": 2, "memory": 20}},
    *(
        {"problem": {"kind": problem}, "learner": {"kind": kind, "step_size": 0.01}}
        for problem in ("quadratic", "logistic", "ridge_regression")
        for kind in ("sgp", "pars_push", "async_sgd", "sync_sgd", "async_bc", "dasgd", "ringmaster", "malenia", "ringleader")
    ),
)


def experiments(rng: random.Random, folder: Path) -> str:
    from trainers.experiments.experiment import Experiment

    data = Mutator(rng).several({**EXPERIMENT, **rng.choice(LEARNERS)})

    def call() -> None:
        experiment = Experiment.parse(data)
        small = experiment.scenario.transmitters <= MODEST and sum(experiment.policy.hidden) < 1000
        if small and rng.random() < 0.3:
            with np.errstate(over="ignore", invalid="ignore"):  # what diverges is reported as such
                experiment.build(experiment.groups()[0], experiment.seeds[:1]).learn(2)

    return attempt(call)


COMPARISON: dict[str, Any] = {
    "title": "t",
    "scenarios": {"one": {"preset": "dense", "transmitters": 4}},
    "layouts": 3,
    "slots": 5,
    "warm_up": 20,
    "seeds": 1,
    "optimum": {"slots": 2, "gap": 0.1},
    "methods": {
        "fp": "fractional_programming",
        "w": {"method": "wmmse", "starts": ["full", "random"], "delay": 1},
        "g": {"method": "gnn", "steps": 5},
        "p": {"method": "ppo", "reward": "sum"},
        "z": {"method": "trainers", "config": "configs/paper/dense.yaml", "curve": "cooperative"},
    },
}


def comparisons(rng: random.Random, folder: Path) -> str:
    from baselines.comparison.comparison import Comparison

    return attempt(lambda: Comparison.parse(Mutator(rng).several(COMPARISON)))


def gains(rng: random.Random, folder: Path) -> str:
    mutator, kind = Mutator(rng), rng.choice(["npz", "csv", "npy", "npz"])
    good = np.abs(np.random.default_rng(rng.randrange(9)).normal(size=(3, 4, 4) if kind == "npz" else (4, 4))).astype(
        np.float32
    )
    strange = rng.choice(
        [
            good,
            good * np.nan,
            -good,
            good.astype(complex),
            good[..., :2],
            good.astype(str),
            good.astype(object),
            good[:0],
            good.astype(bool),
            good * 1e38,
            good * 0,
        ]
    )
    content = io.BytesIO()
    if kind == "csv":
        content.write("\n".join(",".join(map(str, row)) for row in np.atleast_2d(strange)[:, :4].tolist()).encode())
    elif kind == "npz":
        np.savez(content, **{rng.choice(["gain", "x", "gain", "é"]): strange})  # type: ignore[arg-type]  # names of arrays
    else:
        np.save(content, strange)
    data = content.getvalue()
    data = mutator.bytes(data) if rng.random() < 0.6 else data
    path = folder / f"gains.{rng.choice([kind, kind, kind, 'txt', 'npz', 'csv'])}"
    path.write_bytes(data)
    description = {"path": str(path), "unit": rng.choice(["linear", "db", "linear"])}
    description = mutator.changed(description) if rng.random() < 0.3 else description

    def call() -> None:
        scenario = Scenario.of({"preset": "dense", "transmitters": 4, "gains": description})
        play(scenario)

    return attempt(call)


def allocators(rng: random.Random, folder: Path) -> str:
    """Allocators, and what measures powers."""
    from baselines import allocators as all_of_them

    names = [name for name in all_of_them.__all__ if callable(getattr(all_of_them, name)) and name[0].islower()]
    name = rng.choice(names)
    source = np.random.default_rng(rng.randrange(9))
    gain = np.abs(source.normal(size=rng.choice([(4, 4), (2, 3, 3), (1, 1), (0, 3, 3), (5, 2, 4, 4)])))
    arguments: dict[str, Any] = {"gain": gain, "noise": 1.0, "p_max": 10.0}
    if name == "sum_rate":
        arguments = {"gain": gain, "noise": 1.0, "power": source.uniform(0, 10, gain.shape[:-1])}
    if name == "delayed":
        arguments = {"gain": gain, "slots": 1}
    if name.endswith("_over_lists"):
        network = WirelessNetwork({"preset": "dense", "transmitters": 4, "placement": {"density": 1 / 6}, "cut": 0.01})
        arguments = {"near": network.near, "gain": network.block(2).gain, "noise": network.noise, "p_max": 10.0}
    mutator = Mutator(rng)
    key = rng.choice(list(arguments))
    value = arguments[key]
    arguments[key] = (
        mutator.odd()
        if rng.random() < 0.5 or not isinstance(value, np.ndarray)
        else rng.choice(
            [
                value.tolist(),
                -value,
                value * np.nan,
                value * np.inf,
                value.astype(complex),
                value.astype(object),
                value.astype(str),
                value.astype(np.float16),
                value.astype(">f8"),
                value.astype(int),
                value[..., :1],
                value[..., None],
                value.T,
                value.ravel(),
                value * 1e300,
                value * 1e-300,
                value * 0,
                value > 0.5,
                np.ma.masked_less(value, 0.5),
            ]
        )
    )
    if rng.random() < 0.2:
        arguments["weights"] = mutator.odd()
    if name == "random_power":
        arguments["seed"] = mutator.odd() if rng.random() < 0.5 else 3
    if name in ("certify", "certified_optimum"):
        arguments["seconds"] = 0.5

    def call() -> None:
        with np.errstate(all="ignore"):
            try:
                getattr(all_of_them, name)(**arguments)
            except TypeError as error:
                if "unexpected keyword argument" not in str(error):
                    raise

    return attempt(call)


TEMPLATES = "FUZZ_TEMPLATES"
"""The environment variable that tells workers where the run directories are that inputs are copies of."""
RUN = """
scenario: {preset: dense, transmitters: 3}
problem: {evaluation_slots: 4}
policy: {hidden: [3]}
learner: {batch: 2, memory: 10}
messaging: {graph: ring}
iterations: 4
evaluate_every: 2
seeds: 2
"""
COMPARED = """
scenarios: {a: {preset: dense, transmitters: 3}}
layouts: 2
slots: 3
optimum: {slots: 1}
methods: {r: random_power}
"""


def make_templates(folder: Path) -> None:
    """A finished run, an interrupted one, and a comparison, which inputs are copies of."""
    from baselines.__main__ import main as compare
    from trainers.__main__ import main as train
    from trainers.experiments.experiment import Experiment
    from trainers.experiments.groups import GroupFiles, groups_of
    from trainers.experiments.training import train as train_group

    config, compared = folder / "e.yaml", folder / "c.yaml"
    config.write_text(RUN)
    compared.write_text(COMPARED)
    quiet = ["--quiet", "--workers", "1"]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        assert train([str(config), "--out", str(folder / "finished"), *quiet]) == 0
        assert compare([str(compared), "--out", str(folder / "compared"), *quiet]) == 0
    shutil.copytree(folder / "finished", folder / "interrupted")
    experiment = Experiment.load(folder / "interrupted" / "config.yaml")
    group = groups_of(experiment)[0]
    shutil.rmtree(GroupFiles(folder / "interrupted", group).path)
    train_group(experiment, group, folder / "interrupted", lambda iteration: iteration >= 2, device="cpu", save_every=0.0)


@cache
def templates() -> tuple[Path, ...]:
    """Folders of the templates; made on first use where nobody has made them before."""
    folder = Path(os.environ.get(TEMPLATES) or tempfile.mkdtemp(prefix="fuzz-"))
    if not (folder / "compared").exists():
        make_templates(folder)
    return folder / "finished", folder / "interrupted", folder / "compared"


def directories(rng: random.Random, folder: Path) -> str:
    """Run directories with a damaged file: listed, drawn, resumed. Nothing beside them may change."""
    from baselines.__main__ import main as compare
    from trainers.__main__ import main as train

    finished, interrupted, compared = templates()
    template = rng.choice([finished, interrupted] * 4 + [compared])  # a comparison is resumed in processes of its own: slow
    place = folder / "place"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(template, place / "run")
    victim = place / "victim.txt"
    victim.write_text("precious")
    files = sorted(path for path in (place / "run").rglob("*") if path.is_file())
    file = rng.choice(files)
    content, mutator = file.read_bytes(), Mutator(rng)
    tensors = [path for path in files if path.suffix == ".pt"]
    action = rng.randrange(12)
    if action > 7 and tensors:  # with a checksum that fits
        file = rng.choice(tensors)
        write_tensors(file, StateMutator(rng).changed(read_tensors(file)))
    elif action == 0:
        file.unlink()
    elif action == 1:
        file.write_bytes(b"")
    elif action == 2:
        file.write_bytes(rng.choice(files).read_bytes())
    elif action == 3:
        file.write_bytes(
            rng.choice([b"\xff\xfe\x00", b"null", b"[]", b"{" * 10_000, b"[" * 100_000, b'"', b"a,b\n1", b"\x80\x04N."])
        )
    elif action == 4:
        file.unlink()
        file.mkdir()
    elif action == 5:
        file.unlink()
        file.symlink_to(victim)
    else:
        file.write_bytes(mutator.bytes(content))
    run, out, said = str(place / "run"), io.StringIO(), io.StringIO()
    main = compare if template.name == "compared" else train
    config = str(template.parent / ("c.yaml" if main is compare else "e.yaml"))
    again = lambda: main([config, "--out", run, "--resume", "--quiet", "--workers", "1"])  # noqa: E731
    calls: list[Callable[[], Any]] = [lambda: train(["list", str(place)]), again]
    if main is train:
        calls.insert(1, lambda: train(["plot", run]))
    with redirect_stdout(out), redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        statuses = [_status(call) for call in calls]
    if "Traceback" in said.getvalue():
        raise Fault(f"a traceback of {file.name}: {said.getvalue()[-600:]}")
    if not set(statuses) <= {0, 1, 2}:
        raise Fault(f"statuses {statuses}: {said.getvalue()[-300:]}")
    if victim.read_text() != "precious":
        raise Fault("a file beside the run was written")
    return "taken" if not any(statuses) else "refused"


def _status(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except SystemExit as end:
        return end.code


TARGETS: dict[str, tuple[Callable[[random.Random, Path], str], float]] = {
    "scenarios": (scenarios, 0.14),
    "messaging": (messagings, 0.10),
    "environment options and actions": (options, 0.14),
    "YAML text": (yaml_text, 0.16),
    "--set": (assignments, 0.12),
    "experiments": (experiments, 0.09),
    "comparisons": (comparisons, 0.09),
    "gain files": (gains, 0.06),
    "allocator arguments": (allocators, 0.08),
    "run directories": (directories, 0.02),
}
"""Targets by name, each with its share of the inputs."""
