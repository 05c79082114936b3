"""python -m tests.wheel: build wheel and sdist, install the wheel into empty environments, and use it there as others would.

One environment holds the wheel alone, without torch; the other one has the extra `compare`. Everything happens in temporary
folders, in the versions of constraints.txt.
"""

import os
import subprocess
import tarfile
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

from wirelessenv.command_line import Ended, Parser, command, guarded

ROOT = Path(__file__).parents[1]
PACKAGES = {"wirelessenv", "trainers", "baselines", "benchmarks"}
CONSTRAINED = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", ROOT / "constraints.txt")
USE = """
import importlib.util
import gymnasium
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

assert not any(map(importlib.util.find_spec, ("torch", "scipy", "matplotlib", "tests")))
environment = gymnasium.make("wirelessenv:wirelessenv/PowerControl-v0", scenario="dense", messages="utility")
check_env(environment.unwrapped, skip_render_check=True)  # drawing is an extra
many = gymnasium.make_vec("wirelessenv:wirelessenv/PowerControl-v0", num_envs=3)
many.reset(seed=0)
many.step(many.action_space.sample())

from wirelessenv import power_control_v0

parallel_api_test(power_control_v0.parallel_env(), num_cycles=100)
parallel_seed_test(power_control_v0.parallel_env)
api_test(power_control_v0.env(), num_cycles=100)
seed_test(power_control_v0.env)
"""
CLAIMS = """
from trainers.experiments.experiment import Experiment
from trainers.fidelity.claims import Claims
from wirelessenv.config import read_yaml
from wirelessenv.shipped import claims

path = claims()
for claim in Claims.parse(read_yaml(path)).claims.values():
    Experiment.load(path.with_name(f"{claim.run}.yaml"))
"""
TINY = ("--seeds", "2", "--set", "iterations=4", "--set", "evaluate_every=2", "--set", "problem.evaluation_slots=5")
SHORT = {
    "GNN": "{method: gnn, steps: 4}",
    "no messages": "{method: message_policy, rounds: 0, steps: 4}",
    "messages at once": "{method: message_policy, steps: 4}",
    "messages, a slot late": "{method: message_policy, pace: slot_late, steps: 4}",
    "messages, a round a slot": "{method: message_policy, pace: round_a_slot, steps: 4}",
    "policy": "{method: aggregation_policy, steps: 4}",
    "policy, own channel too": "{method: aggregation_policy, observation: [aggregation, gain], steps: 4}",
    "policy, own channel": "{method: aggregation_policy, observation: gain, steps: 4}",
    "own policies": "{method: aggregation_policy, policies: own, seeds: 1, steps: 4}",
    **{f"PPO, {reward} reward": "{slots: 1600}" for reward in ("own", "known", "sum")},
    "PPO, sum, own networks": "{slots: 1600}",
    "PPO, no messages": "{slots: 1600}",
    "PPO, messages": "{slots: 1600}",
    "PPO, sum, 200k slots": "{slots: 1600}",
    "SAC, sum reward": "{slots: 1600}",
    "DQN, sum reward": "{slots: 1600}",
    "zeroth-order, own channel": "random_power",  # one curve of an experiment beside it is enough
    "zeroth-order, selfish": "random_power",
}
"""Changes that make the methods of the comparison `dense` learn for a moment alone."""
FEW = ("layouts=2", "slots=4", "seeds=1", "optimum=null", *(f"methods.{name}={change}" for name, change in SHORT.items()))


def run(*command: str | Path, folder: Path) -> None:
    """Run a command, which must end well, where nothing but the installed packages is found."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run([str(part) for part in command], check=True, cwd=folder, env=env)  # noqa: S603  # our own commands


def refused(*command: str | Path, folder: Path, sentence: str) -> None:
    """Run a command that must end with this sentence."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([str(part) for part in command], check=False, cwd=folder, env=env, capture_output=True, text=True)  # noqa: S603  # our own commands
    if done.returncode == 0 or not done.stderr.endswith(f"{sentence}\n"):
        raise Ended(f"{command[-2:]} should end with {sentence!r}, and says {done.stderr[-500:]!r}")


def environment(folder: Path, *packages: str | Path) -> Path:
    """Folder of the programs of a new environment with some packages."""
    venv.create(folder, with_pip=True)
    run(folder / "bin" / "python", *CONSTRAINED, *packages, folder=folder)
    return folder / "bin"


def built(folder: Path) -> Path:
    """The wheel; the sdist must build the same one, and nothing that Python writes may be in it."""
    hatchling = environment(folder / "builder", "hatchling") / "hatchling"
    run(hatchling, "build", "--directory", folder / "checkout", folder=ROOT)
    (sdist,) = (folder / "checkout").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    run(hatchling, "build", "--target", "wheel", "--directory", folder / "again", folder=unpacked)
    twine = environment(folder / "twine", "twine") / "twine"
    run(twine, "check", "--strict", *(folder / "checkout").glob("wirelessenv-*"), folder=folder)
    (wheel,), (again,) = ((folder / name).glob("*.whl") for name in ("checkout", "again"))
    first, second = contents(wheel), contents(again)
    if first != second:
        differing = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
        raise Ended(f"the sdist builds another wheel: {', '.join(differing[:10])}")
    packages = {name.split("/")[0] for name in first if ".dist-info/" not in name}
    if packages != PACKAGES:
        raise Ended(f"the wheel holds {sorted(packages)}")
    return wheel


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel."""
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def installed(programs: Path) -> set[Path]:
    """The files of an environment but for compiled code."""
    return {path for path in programs.parent.rglob("*") if "__pycache__" not in path.parts}


def use_alone(wheel: Path, folder: Path) -> None:
    """The environment works without extras; whatever trains names the one that it needs."""
    programs, empty = environment(folder / "alone", wheel), folder / "empty"
    empty.mkdir()
    run(programs / "python", "-W", "ignore", "-c", USE, folder=empty)
    for arguments in (["--version"], ["--help"], ["list"]):
        run(programs / "wirelessenv", *arguments, folder=empty)
    run(programs / "python", "-c", "from baselines.allocators import wmmse", folder=empty)
    needs = "{}, which is not installed: pip install 'wirelessenv[{}]'"
    for needed, extra, given in (
        ("trainers needs torch", "train", ["python", "-c", "from trainers import ZerothOrderLearner"]),
        ("wirelessenv train needs torch", "train", ["wirelessenv", "train", "fig2"]),
        ("wirelessenv compare needs rich", "compare", ["wirelessenv", "compare", "dense"]),
        ("wirelessenv bench needs torch", "train", ["wirelessenv", "bench"]),
    ):
        refused(programs / given[0], *given[1:], folder=empty, sentence=needs.format(needed, extra))
    _unchanged(empty, set())


def use_all(wheel: Path, folder: Path) -> None:
    """Everything works with the extra `compare`, in an empty folder, and writes below that folder alone."""
    programs, place = environment(folder / "all", f"wirelessenv[compare] @ {wheel.as_uri()}"), folder / "place"
    place.mkdir()
    before = installed(programs)
    for code in ("from trainers import ZerothOrderLearner", "from baselines.allocators import wmmse", CLAIMS):
        run(programs / "python", "-c", code, folder=place)
    run(programs / "python", "-c", "from benchmarks import speeds", folder=place)
    changes = [part for change in FEW for part in ("--set", change)]
    for arguments in (
        ["train", "fig2", *TINY],
        ["plot", "runs/fig2", "--x", "bits"],
        ["runs"],
        ["delays", "fig2", "--seeds", "1", "--set", "iterations=100"],
        ["search", "async_bc_fig1", "--steps", "0.01", "--seeds", "100", "--set", "iterations=4"],
        ["show", "dense", "--slots", "2"],
        ["compare", "dense", "--quiet", *changes],
        *([name, "--help"] for name in ("fidelity", "theory", "bench")),
    ):
        print(f"{time.strftime('%X')} wirelessenv {' '.join(arguments[:2])}", flush=True)
        run(programs / "wirelessenv", *arguments, folder=place)
    _unchanged(place, {"runs", "clip.gif"})
    if installed(programs) != before:
        raise Ended(f"written into the environment: {sorted(map(str, installed(programs) ^ before))[:5]}")


def _unchanged(folder: Path, expected: set[str]) -> None:
    found = {path.name for path in folder.iterdir()}
    if found != expected:
        raise Ended(f"{folder.name}: holds {sorted(found)}")


@guarded
def main(given: Sequence[str]) -> int:
    description = "Build wheel and sdist, install the wheel into empty environments, and use it there."
    Parser(prog="python -m tests.wheel", description=description).parse_args(given)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = built(folder)
        use_alone(wheel, folder)
        use_all(wheel, folder)
    print("The wheel works in empty environments, and the sdist builds the same one.")
    return 0


if __name__ == "__main__":
    command(main)
