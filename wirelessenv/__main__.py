"""python -m wirelessenv: list the presets, or show a scenario as a clip."""

import os
import textwrap
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wirelessenv.command_line import Parser, command, guarded, writing
from wirelessenv.config import ConfigError, nearest
from wirelessenv.envs.parallel import PowerControlEnv
from wirelessenv.presets import ABOUT, MESSAGINGS, SCENARIOS
from wirelessenv.scenario import Messaging, Scenario
from wirelessenv.sentences import shown
from wirelessenv.text import one_line

COLOURS = 64
MOST_SLOTS = 1000
"""Pictures of a clip, which are in memory together, 1.6 MB each."""
MOST_FRAMES = 100
"""A second: a GIF counts in hundredths of one."""
AROUND = {
    "graph": "ring",
    "activity": {"transmit": 0.3},
    "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 4}, "loss": 0.1},
}


@guarded
def main(given: Sequence[str]) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 something that cannot be used."""
    chosen = _parser().parse_args(given)
    if chosen.command == "list":
        print(listing())
    else:
        with writing(chosen.out):
            _show(chosen)
        print(one_line(chosen.out))
    return 0


def _parser() -> Parser:
    parser = Parser(prog="python -m wirelessenv", description="Presets, and clips of them.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="print the presets of scenarios and messagings, what they set, and their sources")
    show = commands.add_parser("show", help="write a clip of a scenario")
    show.add_argument("scenario", metavar="SCENARIO", help="a preset's name, or a YAML file")
    show.add_argument("--out", metavar="FILE.gif", default="clip.gif")
    show.add_argument("--slots", type=int, default=60, metavar="N", help=f"1 to {MOST_SLOTS}")
    show.add_argument("--seed", type=int, default=0, metavar="N")
    show.add_argument("--powers", choices=("full", "random"), default="random", help="what the transmitters do")
    show.add_argument(
        "--messages", action="store_true", help="let transmitters tell their utilities to the next ones in a ring"
    )
    show.add_argument("--fps", type=int, default=10, metavar="N", help=f"frames a second, 1 to {MOST_FRAMES}")
    return parser


def listing() -> str:
    """The presets as text: what each is about, and what it sets."""
    parts = []
    for model, presets in ((Scenario, SCENARIOS), (Messaging, MESSAGINGS)):
        parts.append(f"{model.__name__} presets\n")
        for name in presets:
            values = model.of(name).dump()
            text = textwrap.fill(ABOUT[model.__name__, name], 112, initial_indent="    ", subsequent_indent="    ")
            parts.append(
                "\n".join([f"  {name}", text, *(f"      {key}: {_short(values[key])}" for key in presets[name])]) + "\n"
            )
    return "\n".join(parts)


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_short(inner)}" for key, inner in value.items() if inner is not None) + "}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _show(chosen: Namespace) -> None:
    for name, most in (("slots", MOST_SLOTS), ("fps", MOST_FRAMES)):
        value = getattr(chosen, name)
        if not 1 <= value <= most:
            right = "1 or more" if value < 1 else f"{most} at most"
            raise ConfigError(f"--{name}: {shown(value)} is not valid: it should be {right}")
    out = Path(chosen.out)
    if out.suffix != ".gif":
        raise ConfigError(f"--out: {out} is not valid: a clip is a GIF; name it {out.stem}.gif")
    if out.is_dir() or not out.parent.is_dir():
        raise ConfigError(
            f"--out: {out} is not valid: {'it is a directory' if out.is_dir() else 'its directory does not exist'}"
        )
    scenario = _scenario(chosen.scenario)
    options: dict[str, Any] = {"messages": "utility", "messaging": AROUND} if chosen.messages else {}
    env = PowerControlEnv(scenario, render_mode="rgb_array", max_cycles=chosen.slots, actions="power", **options)
    write_clip(out, frames(env, chosen.seed, chosen.powers), chosen.fps)


def _scenario(name: str) -> Scenario:
    if name in SCENARIOS:
        return Scenario(preset=name)
    if Path(name).suffix in {".yaml", ".yml"}:
        return Scenario.from_yaml(name)
    raise ConfigError(f'SCENARIO: unknown preset "{name}"{nearest(name, SCENARIOS)}; a YAML file serves, too')


def frames(env: PowerControlEnv, seed: int, powers: str) -> Iterator[NDArray[np.uint8]]:
    """The pictures of an episode, slot by slot.

    Args:
        env: an environment with render_mode "rgb_array" and powers as actions.
        seed: of the episode and of random powers.
        powers: "full", or "random": drawn anew every five slots.

    Yields:
        Pictures (height, width, 3).
    """
    env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    m, most = env.scenario.transmitters, env.scenario.max_power
    for slot in range(env.max_cycles):
        if slot % 5 == 0:
            chosen = rng.uniform(0, most, m) if powers == "random" else np.full(m, most)
        env.step(dict(zip(env.agents, chosen, strict=True)))
        frame = env.render()
        assert frame is not None
        yield frame


def write_clip(path: Path, pictures: Iterator[NDArray[np.uint8]], fps: int) -> None:
    """Write an animated GIF, with one palette for all pictures; the file appears whole or not at all.

    Args:
        path: the file.
        pictures: (height, width, 3) each.
        fps: pictures a second.
    """
    from PIL import Image

    whole = [Image.fromarray(picture) for picture in pictures]
    palette = whole[len(whole) // 2].quantize(COLOURS)
    first, *others = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in whole)
    beside = path.with_name(path.name + ".part")
    try:
        first.save(beside, "GIF", save_all=True, append_images=others, duration=1000 // fps, loop=0, optimize=True)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


if __name__ == "__main__":
    command(main)
