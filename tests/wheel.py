"""python -m tests.wheel: build the wheel, install it into an empty environment, and use it there as others would."""

import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

from wirelessenv.command_line import Parser, command, guarded

ROOT = Path(__file__).parents[1]
USE = """
import importlib.util
import gymnasium
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

assert not any(map(importlib.util.find_spec, ("torch", "scipy", "matplotlib", "trainers")))
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


def run(*command: str | Path, folder: Path) -> None:
    subprocess.run([str(part) for part in command], check=True, cwd=folder)  # noqa: S603  # our own commands


@guarded
def main(given: Sequence[str]) -> int:
    Parser(
        prog="python -m tests.wheel", description="Build the wheel, install it into an empty environment, and use it there."
    ).parse_args(given)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = folder / "empty" / "bin" / "python"
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, folder=folder)
        venv.create(folder / "empty", with_pip=True)
        run(
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--constraint",
            ROOT / "constraints.txt",
            *folder.glob("*.whl"),
            folder=folder,
        )
        run(python, "-W", "ignore", "-c", USE, folder=folder)
    print("The wheel works in an empty environment.")
    return 0


if __name__ == "__main__":
    command(main)
