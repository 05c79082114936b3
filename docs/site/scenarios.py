"""A page for each scenario preset: picture, source, what it sets, and what is known of it."""

import base64
import functools
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from kept import kept
from PIL import Image

from baselines.allocators import full_power, random_power, wmmse
from baselines.comparison.held_out import HeldOut
from baselines.comparison.measures import Measured
from trainers.workbench.terminal import markdown_table
from wirelessenv import Scenario, power_control_v0, yaml_text
from wirelessenv.config import read_yaml
from wirelessenv.presets import ABOUT, SCENARIOS

ROOT = Path(__file__).parents[2]
KNOWN = ROOT / "tests" / "known_values.yaml"
TABLES = {"d2d_links": "link-scheduling", "cellular_bands": "bands-and-powers"}
"""Sections of docs/results/published.md."""
LAYOUTS, SLOTS = 20, 20
PAGE = """# {name}

{about}

![Layout of seed 0: transmitters, receivers and links, the strongest interference, and powers]({name}.png)

```python
from wirelessenv import power_control_v0

env = power_control_v0.parallel_env(scenario="{name}")
```

## What it sets

```yaml
{settings}```

What is not named has the [defaults](../../settings.md#scenario). `Scenario(preset="{name}", ...)` changes any of it.

## What is reached

Sum of the utilities of all {transmitters} agents in a slot, mean over {layouts} layouts and {slots} slots of each, with its
standard error.{published}

{reached}
{compared}"""


PUBLISHED = """ "Published" values stand in [tests/known_values.yaml](../../../tests/known_values.yaml), and
[a test](../../../tests/test_known_values.py) holds the preset to them."""


def scenario_pages() -> Iterator[tuple[str, str, Callable[[], str]]]:
    """Place, title and writer of each page."""
    for name in SCENARIOS:
        yield f"guides/presets/{name}.md", name, functools.partial(page, name)


def scenario_pictures() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Place and maker of each picture."""
    for name in SCENARIOS:
        yield f"guides/presets/{name}.png", functools.partial(picture, name)


def linked(markdown: str) -> str:
    """Text whose tables lead from the names of presets, in their first column, to the presets' pages."""
    names = "|".join(SCENARIOS)
    return re.sub(rf"^\| `({names})` \|", r"| [`\1`](presets/\1.md) |", markdown, flags=re.MULTILINE)


def page(name: str) -> str:
    """The page of a preset."""
    return PAGE.format(
        name=name,
        about=ABOUT["Scenario", name].replace("*", "\\*"),
        settings=yaml_text.write(SCENARIOS[name]),
        transmitters=Scenario(preset=name).transmitters,
        layouts=LAYOUTS,
        slots=SLOTS,
        published=PUBLISHED if name in read_yaml(KNOWN) else "",
        reached="\n".join(markdown_table(_reached(name))) + "\n",
        compared=_elsewhere(name),
    )


def _elsewhere(name: str) -> str:
    """Links to the results of a preset on other pages."""
    compared = (ROOT / "docs" / "results" / f"compare_{name}.md").exists()
    found = f"\nAll methods on it: [comparison](../../results/compare_{name}.md).\n" if compared else ""
    if name in TABLES:
        found += f"\nA published table of it: [ours beside it](../../results/published.md#{TABLES[name]}).\n"
    return found


def picture(name: str) -> bytes:
    """A slot at full power, as the environment draws it."""
    return base64.b64decode(kept(f"picture-{name}", "", _drawn, name)["png"])


def _drawn(name: str) -> dict[str, str]:
    env = power_control_v0.parallel_env(scenario=name, render_mode="rgb_array", actions="power")
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, np.array([env.scenario.most_power], np.float32)))
    stream = io.BytesIO()
    Image.fromarray(env.render()).save(stream, "PNG")
    return {"png": base64.b64encode(stream.getvalue()).decode()}


def _reached(name: str) -> list[dict[str, Any]]:
    """Rows of full power, random power and WMMSE, and those that have been published."""
    values = kept(f"reached-{name}", "", _values, name, LAYOUTS, SLOTS)
    rows = [{"powers": one, "bit/s/Hz": value, "from": "here"} for one, value in values.items()]
    for powers, known in dict(read_yaml(KNOWN)).get(name, {}).items():
        error = f" (standard error {known['error']:g})" if known.get("error") else ""
        layouts = f" ({known['layouts']} layouts)" if "layouts" in known else ""
        rows.append({"powers": powers, "bit/s/Hz": f"{known['value']:g}{error}{layouts}", "from": f"published: {known['of']}"})
    return rows


def _values(name: str, layouts: int, slots: int) -> dict[str, str]:
    """Utilities of three allocators, as text."""
    scenario = Scenario(preset=name)
    held = HeldOut.draw(scenario, range(layouts), slots, 0)
    gain, found = held.block.gain.astype(float), {}
    for title, allocator in {"full power": full_power, "random power": random_power, "WMMSE": wmmse}.items():
        value = Measured.of(held, allocator(gain, scenario.noise_power, scenario.p_max), 0).utility
        found[title] = f"{value.mean():.4g} (standard error {value.std() / np.sqrt(value.size):.2g})"
    return found
