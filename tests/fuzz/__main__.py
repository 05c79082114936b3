"""python -m tests.fuzz: mutated inputs for everything that a user hands in; counts tracebacks, hangs and memory faults.

Each input is a target's name and a number, and is made from these alone: --only TARGET --number N does one again, in full view.
"""

import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fuzz.engine import results, tried
from wirelessenv.command_line import Parser, command, guarded, importing
from wirelessenv.config import ConfigError

SHOWN = 40
"""Faults that are printed with their tracebacks."""
ABOUT = "Mutated inputs for everything that a user hands in; counts tracebacks, hangs and memory faults."


@guarded
def main(arguments: Sequence[str]) -> int:
    parser = Parser(prog="python -m tests.fuzz", description=ABOUT)
    parser.add_argument("--inputs", type=int, default=20_000, metavar="N", help="how many, over all targets")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the number of the first input of each target")
    parser.add_argument("--only", metavar="TARGET", help="one target alone")
    parser.add_argument("--number", type=int, metavar="N", help="with --only: this input alone, here, with its traceback")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N")
    chosen = parser.parse_args(arguments)
    with importing():
        from tests.fuzz.targets import TARGETS, TEMPLATES, make_templates
    if chosen.only not in (None, *TARGETS):
        raise ConfigError(f"--only: {chosen.only} is not valid: it should be one of {', '.join(TARGETS)}")
    if chosen.number is not None:
        with tempfile.TemporaryDirectory() as folder:
            print(*tried(chosen.only, chosen.number, Path(folder)))
        return 0
    shares = {name: share for name, (_, share) in TARGETS.items() if chosen.only in (None, name)}
    whole = sum(shares.values())
    inputs = [(name, chosen.first + at) for name, share in shares.items() for at in range(round(chosen.inputs * share / whole))]
    random.Random(0).shuffle(inputs)
    counts: dict[str, Counter[str]] = {name: Counter() for name in shares}
    faults: list[Any] = []
    templates = tempfile.TemporaryDirectory()
    os.environ[TEMPLATES] = templates.name
    make_templates(Path(templates.name))
    begun = time.monotonic()
    for done, ((name, number), outcome, said) in enumerate(results(inputs, chosen.workers), 1):
        counts[name][outcome] += 1
        if outcome not in ("taken", "refused"):
            faults.append((name, number, outcome, said))
            if len(faults) <= SHOWN:
                print(f"{outcome}: --only {name!r} --number {number}\n{said}", flush=True)
        if done % 1000 == 0:
            print(f"{done} of {len(inputs)} inputs, {len(faults)} faults, {time.monotonic() - begun:.0f} s", flush=True)
    templates.cleanup()
    kinds = ("taken", "refused", "traceback", "memory", "hang", "death")
    print(f"{'':32}" + "".join(f"{kind:>11}" for kind in kinds))
    for name, count in counts.items():
        print(f"{name:32}" + "".join(f"{count[kind]:11}" for kind in kinds))
    print(f"{len(faults)} faults in {len(inputs)} inputs, {time.monotonic() - begun:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    command(main)
