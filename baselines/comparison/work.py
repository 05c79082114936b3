"""Tasks of a comparison, in worker processes: a training, an optimum, an evaluation; each ends with its file."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from baselines.allocators import certify
from baselines.comparison.comparison import Comparison, Optimum
from baselines.comparison.directory import AGAIN, ComparisonDirectory, Task, trainings_of
from baselines.comparison.held_out import VALIDATION, HeldOut
from baselines.comparison.measures import Measured
from baselines.comparison.methods import TRAINING, Learned, Method, Untrained
from trainers.workbench.devices import computing_on
from trainers.workbench.engines import OwnModules
from trainers.workbench.files import write_atomically, write_tensors
from trainers.workbench.threads import one_thread
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError
from wirelessenv.imports import failure
from wirelessenv.network import NEIGHBOURS
from wirelessenv.scenario import Scenario

LINKS_AT_ONCE = 2**24
"""Largest number of gains of held-out slots that are drawn together."""
VALIDATION_LAYOUTS = range(TRAINING // 2, TRAINING // 2 + 10)
"""Layouts on which learning curves across layouts are measured: neither trained nor compared on."""
VALIDATION_SLOTS = 50


class ComparisonJob(NamedTuple):
    """Everything that a worker process needs to do tasks of a comparison."""

    comparison: str
    """The comparison, as YAML text."""
    code: dict[tuple[str, str], str]
    """Checksums of a user's own code, by scenario and method, as it was when the comparison began."""
    modules: OwnModules
    device: str = "cpu"
    """The device of networks that can compute there."""

    def work(self, tasks: tuple[Task, ...], folder: Path, asked: Callable[[], bool]) -> bool:
        """Do some tasks, one after the other.

        Args:
            tasks: of one worker process.
            folder: the comparison's directory, or a copy.
            asked: returns True once the work is to stop.

        Returns:
            True where all tasks are done, False where `asked` has said stop.

        Raises:
            ConfigError: naming method and scenario, where one of them cannot be used or its code has changed.
        """
        comparison, directory = Comparison.from_text(self.comparison), ComparisonDirectory(folder)
        do = {"trainings": _train, "optima": _optimum, "evaluations": _evaluate}
        with one_thread():
            for task in tasks:
                directory.file(comparison, task).parent.mkdir(exist_ok=True)
                try:
                    if comparison.code(task.scenario, task.method) != self.code[task.scenario, task.method]:
                        raise ConfigError("its code has changed since the comparison was started; --resume makes it anew")
                    with computing_on(self._device(comparison.methods.get(task.method))):
                        found = None if asked() else do[task.kind](comparison, directory, task, asked)
                except ConfigError as error:
                    where = f"methods.{task.method}, scenario {task.scenario}" if task.method else f"scenarios.{task.scenario}"
                    raise ConfigError(f"{where}: {error}") from error
                if found is None:
                    return False
                code = self.code[task.scenario, task.method]
                write_tensors(directory.file(comparison, task), found | ({"code": code} if code else {}))
        return True

    def inputs(self, tasks: tuple[Task, ...]) -> list[str]:
        """Files that tasks need: trainings of evaluations, and what methods have prepared for trainings."""
        comparison, here = Comparison.from_text(self.comparison), ComparisonDirectory("")
        found: dict[str, None] = {}
        for task in tasks:
            if task.kind == "trainings":
                found[f"{here.run(comparison, task.scenario, task.method)}/**/*"] = None
            elif task.kind == "evaluations":
                found |= dict.fromkeys(str(here.file(comparison, one)) for one in trainings_of(comparison, task))
        return list(found)

    def _device(self, method: Method | None) -> str:
        return self.device if isinstance(method, Learned) and method.on_device else "cpu"


Asked = Callable[[], bool]


def progress_file(file: Path) -> Path:
    """File in which a training notes its stage, and the slots it has used."""
    return file.with_suffix(".stage")


def _train(comparison: Comparison, directory: ComparisonDirectory, task: Task, asked: Asked) -> dict[str, Any] | None:
    method, scenario = comparison.methods[task.method], comparison.scenarios[task.scenario]
    assert isinstance(method, Learned)
    assert task.seed is not None
    layouts = VALIDATION_LAYOUTS if task.layout is None else [task.layout]
    held: HeldOut | None = None
    note, curve, state, seconds = progress_file(directory.file(comparison, task)), [], {}, 0.0
    folder = directory.run(comparison, task.scenario, task.method)
    started = time.perf_counter()
    for number, stage in enumerate(method.train(scenario, task.seed, task.layout, folder), 1):
        seconds = seconds + time.perf_counter() - started if stage.seconds is None else stage.seconds
        relative, state = stage.relative, stage.state
        if diverged(state):
            relative = math.nan
        elif relative is None:
            held = held or HeldOut.draw(scenario, layouts, VALIDATION_SLOTS, comparison.warm_up, VALIDATION)
            relative = _relative(held, method, state)
        curve.append([stage.slots, stage.bits, relative])
        write_atomically(note, f"{min(number, method.stages)} {stage.slots}".encode())
        if asked():
            return None
        if math.isnan(relative):
            break  # it has diverged: so says the end of its curve
        started = time.perf_counter()
    return {"state": state, "curve": np.array(curve, float), "seconds": seconds}


def _relative(held: HeldOut, method: Learned, state: dict[str, Any]) -> float:
    """Utility relative to full power, mean over layouts; NaN where powers are."""
    full = np.full(held.block.wanted.shape, held.scenario.p_max / held.scenario.bands)
    power = method.powers(held, state)
    if _lost(power).any():
        return math.nan
    reached, reference = (Measured.of(held, power, 0).utility for power in (power, full))
    return float((reached / reference).mean())


def _optimum(comparison: Comparison, directory: ComparisonDirectory, task: Task, asked: Asked) -> dict[str, Any] | None:
    scenario, optimum = comparison.scenarios[task.scenario], comparison.optimum
    assert optimum is not None
    assert task.layout is not None
    held = HeldOut.draw(scenario, [task.layout], comparison.slots, comparison.warm_up)
    gain = held.counted(held.rated_gain())[0, : optimum.slots]
    found: list[tuple[float, float]] = []
    for one in gain:
        if asked():
            return None
        found.append(_certified(one, scenario, optimum))
    value, gap = np.array(found).T
    return {"value": value, "gap": gap}


def _certified(gain: Doubles, scenario: Scenario, optimum: Optimum) -> tuple[float, float]:
    """(the optimum of one slot, how near it is where that is not as asked, else 0); NaN where it is given up."""
    limits: dict[str, Any] = {"gap": optimum.gap, "seconds": optimum.seconds, "most_boxes": optimum.most_boxes}
    found = certify(gain, scenario.noise_power, scenario.p_max, scenario.rate_weights, **limits)
    given_up = optimum.seconds is None and not found.proved
    return (math.nan, math.nan) if given_up else (float(found.value), 0.0 if found.proved else float(found.gap))


def _evaluate(comparison: Comparison, directory: ComparisonDirectory, task: Task, asked: Asked) -> dict[str, Any] | None:
    method, scenario = comparison.methods[task.method], comparison.scenarios[task.scenario]
    told = [directory.read(comparison, one) for one in trainings_of(comparison, task)]
    files = [directory.file(comparison, one) for one in trainings_of(comparison, task)]
    states = [
        None if math.isnan(one["curve"][-1, 2]) else Trained(file, one["state"]) for file, one in zip(files, told, strict=True)
    ]
    slots = comparison.warm_up + comparison.slots
    met = scenario.transmitters if scenario.cut is None else NEIGHBOURS
    at_once = max(1, LINKS_AT_ONCE // (slots * scenario.bands * scenario.transmitters * met))
    parts: list[Measured] = []
    seconds = 0.0
    for start in range(0, comparison.layouts, at_once):
        layouts = range(start, min(start + at_once, comparison.layouts))
        held = HeldOut.draw(scenario, layouts, comparison.slots, comparison.warm_up)
        if not parts:
            with _said(method):
                _powers(held.some([0]), method, states)  # what is loaded and set up at the first call is no part of a decision
        if asked():
            return None
        theirs = held.some(range(len(layouts)))  # a copy: what a method does to its slots is not measured
        started = time.perf_counter()
        with _said(method):
            power = _powers(theirs, method, states)
        seconds += time.perf_counter() - started
        parts.append(_measured(held, method, power, comparison.optimum.slots if comparison.optimum else 0))
    decision_ms = 1e3 * seconds / (comparison.layouts * slots)
    return {"measured": Measured.joined(parts)._asdict(), "decision_ms": decision_ms}


@contextmanager
def _said(method: Method) -> Iterator[None]:
    """Turn any exception of a user's own method into one sentence."""
    try:
        yield
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        kind = type(method)
        if kind.__module__.startswith("baselines."):
            raise
        raise ConfigError(f"{kind.__module__}:{kind.__qualname__}: has failed, {failure(error)}") from error


def _measured(held: HeldOut, method: Method, power: Doubles, first: int) -> Measured:
    """Results of powers; NaN on the layouts for which a training has diverged."""
    lost = _lost(power)
    if not isinstance(method, Learned) or not lost.any():
        return Measured.of(held, power, first)
    dark = lost.reshape(-1, *[1] * (power.ndim - 1))
    return Measured.of(held, np.where(dark, 0, power), first).without(lost | method.across)


def _lost(power: ArrayLike) -> NDArray[np.bool_]:
    """Marks of the layouts on which powers are NaN; none where these are no powers at all, which is refused elsewhere."""
    power = np.asarray(power)
    if power.ndim not in (3, 4) or power.dtype.kind != "f":
        return np.zeros(1, bool)
    return np.asarray(np.isnan(power).any(tuple(range(1, power.ndim))))


def diverged(state: object) -> bool:
    """True where the state of a training holds NaN."""
    if isinstance(state, Mapping):
        return any(diverged(value) for value in state.values())
    if isinstance(state, list | tuple):
        return any(diverged(value) for value in state)
    return isinstance(state, torch.Tensor | np.ndarray | float) and bool(torch.as_tensor(state).isnan().any())


class Trained(NamedTuple):
    """State that a training has ended with, and its file."""

    file: Path
    state: dict[str, Any]


def _powers(held: HeldOut, method: Method, states: list[Trained | None]) -> Doubles:
    if isinstance(method, Untrained):
        return method.powers(held)
    assert isinstance(method, Learned)
    if method.across:
        return _learned(held, method, states[0])
    return np.concatenate([_learned(held.some([row]), method, states[layout]) for row, layout in enumerate(held.layouts)])


def _learned(held: HeldOut, method: Learned, trained: Trained | None) -> Doubles:
    """Powers of a training; NaN where it has diverged."""
    if trained is None:
        return np.full(held.block.wanted.shape, np.nan)
    try:
        return method.powers(held, trained.state)
    except ConfigError as error:
        raise ConfigError(f"{trained.file}: {error}; {AGAIN}") from None
