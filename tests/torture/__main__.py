"""python -m tests.torture [TIMES]: disturb runs and comparisons, resume them, and compare with undisturbed ones."""

import os
import random
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.torture import COMPARISON, RUN, Work, torture
from tests.torture.harms import fill_disk, lose_permission
from wirelessenv.command_line import Parser, command, guarded

HARMS = {"kill": torture, "full disk": fill_disk, "no permission": lose_permission}
PLAN: tuple[tuple[Work, str, float], ...] = (
    (RUN, "kill", 0.60),
    (COMPARISON, "kill", 0.16),
    (RUN, "full disk", 0.08),
    (COMPARISON, "full disk", 0.04),
    (RUN, "no permission", 0.08),
    (COMPARISON, "no permission", 0.04),
)
"""Works, how each is disturbed, and its share of the times."""


@guarded
def main(given: Sequence[str]) -> int:
    parser = Parser(
        prog="python -m tests.torture",
        description="Kill runs and comparisons, fill their disk, take permission away; resumed, their numbers must be those "
        "of undisturbed ones.",
    )
    parser.add_argument("times", metavar="TIMES", type=int, nargs="?", default=100, help="how often in all (default: 100)")
    parser.add_argument("iterations", metavar="ITERATIONS", type=int, nargs="?", default=60_000, help="of each run")
    chosen = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as folder:
        return disturbed(Path(folder), chosen.times, chosen.iterations)


def disturbed(folder: Path, times: int, iterations: int) -> int:
    """Go through the plan in a folder; returns 1 where numbers differ, or a traceback was seen, and 0 otherwise."""
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    started, rng, table, faults = time.monotonic(), random.Random(0), [], 0
    for work in (RUN, COMPARISON):
        (folder / f"{work.name}.yaml").write_text(work.config.replace("ITERATIONS", str(iterations)))
        resume(work, folder, "undisturbed")
    for number, (work, harm, share) in enumerate(PLAN):
        wanted, done, runs, different = max(1, round(times * share)), 0, 0, 0
        said = folder / f"said{number}"
        with said.open("wb") as errors:
            while done < wanted and runs < wanted:
                runs += 1
                out = folder / f"cut{number}-{runs}"
                done += HARMS[harm](folder / f"{work.name}.yaml", out, wanted - done, rng, work=work, said=errors)
                resume(work, folder, out.name)
                different += work.numbers(out) != work.numbers(folder / f"{work.name}-undisturbed")
        tracebacks = said.read_bytes().count(b"Traceback")
        faults += different + tracebacks
        table.append(f"{work.name:12}{harm:16}{done:6}{runs:12}{different:12}{tracebacks:12}")
        print(table[-1], f"{time.monotonic() - started:10.0f} s", flush=True)
    print("\n".join([f"{'work':12}{'harm':16}{'times':>6}{'directories':>12}{'different':>12}{'tracebacks':>12}", *table]))
    return 1 if faults else 0


def resume(work: Work, folder: Path, name: str) -> None:
    """Bring a directory to its end, undisturbed."""
    out = folder / (f"{work.name}-undisturbed" if name == "undisturbed" else name)
    subprocess.run(work.command(folder / f"{work.name}.yaml", out, 2), check=True)  # noqa: S603  # our own program


if __name__ == "__main__":
    command(main)
