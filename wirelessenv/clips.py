"""Clips of a scenario: what `wirelessenv show` writes."""

import os
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wirelessenv.command_line import writing
from wirelessenv.config import ConfigError, nearest
from wirelessenv.envs.parallel import PowerControlEnv
from wirelessenv.options import MOST_FRAMES, MOST_SLOTS
from wirelessenv.per_agent import bands_last
from wirelessenv.presets import SCENARIOS
from wirelessenv.scenario import Scenario
from wirelessenv.sentences import shown
from wirelessenv.text import one_line

COLOURS = 64
AROUND = {
    "graph": "ring",
    "activity": {"transmit": 0.3},
    "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 4}, "loss": 0.1},
}


def show_command(chosen: Namespace) -> int:
    """Write a clip of a scenario as an animated GIF."""
    with writing(chosen.out):
        _show(chosen)
    print(one_line(chosen.out))
    return 0


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
    bands = env.scenario.bands
    most = env.scenario.p_max if bands == 1 else bands_last(env.scenario.p_max)
    shape = env.scenario.transmitters if bands == 1 else (env.scenario.transmitters, bands)
    for slot in range(env.max_cycles):
        if slot % 5 == 0:
            chosen = rng.uniform(0, most, shape) if powers == "random" else np.full(shape, most / bands)
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
    drawn = list(pictures)  # first: where matplotlib is missing, which brings PIL along, it says so in a sentence
    from PIL import Image

    whole = [Image.fromarray(picture) for picture in drawn]
    palette = whole[len(whole) // 2].quantize(COLOURS)
    first, *others = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in whole)
    beside = path.with_name(path.name + ".part")
    try:
        first.save(beside, "GIF", save_all=True, append_images=others, duration=1000 // fps, loop=0, optimize=True)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
