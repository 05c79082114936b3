"""python -m tests.smoke: use every part of the product once, with whatever versions are installed.

`make oldest` runs it with the lowest versions that pyproject.toml allows, `make newest` with the newest there are.
"""

import platform
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from wirelessenv.command_line import Parser, guarded
from wirelessenv.command_line import command as command_line

PACKAGES = ("numpy", "gymnasium", "pettingzoo", "pydantic", "torch", "scipy", "pandas", "matplotlib", "stable-baselines3")
EXPERIMENT = """
scenario: {preset: dense, transmitters: 4}
messaging: {graph: ring, links: {delay: 1}}
iterations: 20
evaluate_every: 10
seeds: 2
curves:
  zeroth order: {}
  first order: {learner: first_order}
  PARS-Push: {problem: {kind: ridge_regression}, learner: {kind: pars_push, inner_steps: 1}}
  AsyncBC, images: {problem: image_logistic, learner: async_bc}
"""
COMPARISON = """
scenarios: {four: {preset: dense, transmitters: 4}}
layouts: 3
slots: 5
seeds: 1
optimum: {slots: 2}
methods:
  fractional programming: fractional_programming
  max-min: max_min
  GNN: {method: gnn, steps: 5, networks: 2}
  policy: {method: aggregation_policy, steps: 5, networks: 2}
  PPO: {method: ppo, reward: sum, slots: 800}
  SAC: {method: sac, reward: sum, slots: 900}
  DQN: {method: dqn, reward: sum, slots: 900}
"""


def command(*words: str | Path) -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-m", *map(str, words)], check=True)  # noqa: S603  # our own commands


def environments() -> None:
    """The checks of gymnasium and pettingzoo, and a picture."""
    import gymnasium
    from gymnasium.utils.env_checker import check_env
    from pettingzoo.test import api_test, parallel_api_test
    from stable_baselines3.common.env_checker import check_env as check_for_sb3

    from wirelessenv import power_control_v0

    for messages in (None, "utility", "learned"):
        env = gymnasium.make("wirelessenv:wirelessenv/PowerControl-v0", scenario="dense", messages=messages)
        check_env(env.unwrapped, skip_render_check=True)
        check_for_sb3(env.unwrapped, skip_render_check=True)
    many = gymnasium.make_vec("wirelessenv:wirelessenv/PowerControl-v0", num_envs=3)
    many.reset(seed=0)
    many.step(many.action_space.sample())
    parallel_api_test(power_control_v0.parallel_env(), num_cycles=100)
    api_test(power_control_v0.env(), num_cycles=100)
    drawn = power_control_v0.parallel_env("dense", render_mode="rgb_array")
    drawn.reset(seed=0)
    assert drawn.render().ndim == 3


def experiments(folder: Path) -> None:
    """Training, resuming, the figure, the list, and a comparison of all kinds of methods."""
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    (folder / "comparison.yaml").write_text(COMPARISON)
    command("trainers", folder / "experiment.yaml", "--out", folder / "run", "--quiet", "--tensorboard")
    command("trainers", folder / "experiment.yaml", "--out", folder / "run", "--quiet", "--resume")
    command("trainers", "plot", folder / "run")
    command("trainers", "list", folder)
    command("baselines", folder / "comparison.yaml", "--out", folder / "compared", "--quiet")
    assert (folder / "compared" / "comparison.md").stat().st_size
    assert (folder / "run" / "figure.pdf").stat().st_size


@guarded
def main(given: Sequence[str]) -> int:
    Parser(prog="python -m tests.smoke", description="Use every part once, with the versions that are there.").parse_args(given)
    warnings.simplefilter("ignore")  # of libraries that do not know each other's newest versions
    print(f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in PACKAGES), flush=True)
    environments()
    with tempfile.TemporaryDirectory() as folder:
        experiments(Path(folder))
    print("Every part works with these versions.")
    return 0


if __name__ == "__main__":
    command_line(main)
