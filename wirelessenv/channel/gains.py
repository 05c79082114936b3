"""Gains that a user brings, measured or computed elsewhere, in place of geometry."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, field_validator, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler  # pydantic 2.10.0 has it here alone

from wirelessenv.channel.gain_files import FORMATS, read_array
from wirelessenv.config import ConfigError, CountOrZero, Model, Number
from wirelessenv.sentences import shown
from wirelessenv.sources import IN_MEMORY, MEMORY, Checksum, InMemory, SourcePath, digest

_SHARED: WeakValueDictionary[str, "Held"] = WeakValueDictionary()
"""Gains held in this process, by the file's checksum and how it is read: equal gains are in memory once."""
GainAxis = Literal["layouts", "slots", "bands", "receivers", "transmitters"]
AXES: tuple[GainAxis, ...] = ("layouts", "slots", "bands", "receivers", "transmitters")
"""Axes of gains in the order in which they are kept."""
ELSEWHERE = 2**39
"""Seeds from here on are those of layouts that are learned from and not compared on."""


class Held:
    """Linear gains, (layouts, slots, m, m), or (layouts, slots, M, m, m) of M bands.

    They are shared by all that name their file, part of no comparison, and copied by no copy.
    """

    def __init__(self, gain: NDArray[np.float32] | None = None, shared: bool = False) -> None:
        self.gain, self.shared = gain, shared
        if gain is not None:
            gain.flags.writeable = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held)  # checksums say what is equal

    __hash__ = None  # type: ignore[assignment]  # nobody needs it

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[type["Held"], tuple[NDArray[np.float32] | None, bool]]:
        return type(self), (self.gain, self.shared)


class SlotWindow(NamedTuple):
    """Consecutive slots of a series."""

    first: int
    slots: int


class Gains(Model):
    """Mean gains E|h|^2 that are measured or computed elsewhere, or a series of them that is played slot by slot.

    An array in Python, or a file: .npy, .npz, .csv, .mat or .h5. Its shape is (receivers, transmitters), (slots, receivers,
    transmitters) or (layouts, slots, receivers, transmitters), or what `axes` says, which names bands, too. As many receivers
    as transmitters are pairs. Of fewer receivers, base stations of an uplink, each transmitter has one; of fewer transmitters,
    base stations of a downlink, each receiver has one, and the agents are the receivers' links. A relative path starts at the
    YAML file that it stands in, else at the current directory. The file is read once, when its scenario is made: what becomes
    of it then changes nothing.
    """

    path: SourcePath = Field(description="a string alone is short for it; in Python an array may stand in its place")
    variable: str | None = Field(None, description='name of the array in a file of several; none: "gain", or the only one')
    unit: Literal["power", "db", "amplitude", "complex"] = Field(
        "power", description="|h|^2, 10 log10 |h|^2, |h|, or h itself, complex"
    )
    axes: tuple[GainAxis, ...] | None = Field(
        None, description="names of the array's axes, in order; none: those of its number of axes, layouts first"
    )
    association: Literal["strongest"] | tuple[CountOrZero, ...] | None = Field(
        None,
        description="which base station serves each of the others: that of the largest mean gain, or numbers from 0, one for "
        "each; none: pairs where receivers are as many as transmitters, else the strongest",
    )
    start: Literal["first", "random"] = Field("first", description="slot of the series in which an episode begins")
    held_out: Annotated[Number, Field(ge=0, lt=1)] = Field(
        0.0,
        description="share of the slots, and of several layouts, at the end of the array, on which policies are evaluated and "
        "nothing is learned; comparisons of what learns need it",
    )
    sha256: Checksum | None = Field(None, description="of the file, noted when it is read; where it is given, it is checked")

    _held: Held = PrivateAttr(default_factory=Held)
    _given: InMemory | None = PrivateAttr(None)

    @field_validator("association", mode="before")
    @classmethod
    def _of_numbers_or_a_word(cls, value: Any) -> Any:
        value = value.tolist() if isinstance(value, np.ndarray) else value
        numbers = isinstance(value, list | tuple) and all(type(one) is int and one >= 0 for one in value) and value
        if value not in (None, "strongest") and not numbers:
            right = 'it should be "strongest", or a list of whole numbers from 0, of the station of each'
            raise ValueError(f"{shown(value)} is not valid: {right}")
        return value

    @field_validator("unit", mode="before")
    @classmethod
    def _linear_is_power(cls, unit: Any) -> Any:
        return "power" if unit == "linear" else unit

    @model_validator(mode="wrap")
    @classmethod
    def _array_stands_for_path(cls, data: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(data, str | os.PathLike):
            data = {"path": data}
        elif isinstance(data, list | tuple) or hasattr(data, "__array__"):
            data = {"array": data}
        array = None
        if isinstance(data, Mapping) and "array" in data:
            if "path" in data:
                raise ValueError("path: is not valid beside array, which stands in its place")
            array = InMemory(_as_array(data["array"]))
            data = {name: value for name, value in data.items() if name != "array"} | {
                "path": array.path,
                "sha256": array.sha256,
            }
        model = validate(data)
        model._given = array or IN_MEMORY.get(model.path)
        return model

    @property
    def unread(self) -> bool:
        """True where a checksum alone says what the file holds: it is opened where its gains are asked for."""
        return self.sha256 is not None and self._held.gain is None and self._given is None

    @property
    def name(self) -> str:
        """Name of the gains in sentences."""
        return "the array" if self.path.startswith(MEMORY) else self.path

    def load(self) -> NDArray[np.float32]:
        """The linear gains, (layouts, slots, m, m), or (layouts, slots, M, m, m) of M > 1 bands.

        Raises:
            ConfigError: with one sentence, for what cannot be used.
        """
        if self._held.gain is None:
            self._held = _SHARED.get(self._reading(self.sha256)) or self._read()
        assert self._held.gain is not None
        return self._held.gain

    @property
    def bands(self) -> int:
        """Number of bands; 1 where the array has no such axis."""
        gain = self.load()
        return gain.shape[2] if gain.ndim == 5 else 1

    @property
    def shared(self) -> bool:
        """True where several links end, or begin, at one base station."""
        self.load()
        return self._held.shared

    def _reading(self, checksum: str | None) -> str:
        """Name of the gains that are made of a file of some checksum."""
        return repr((checksum, self.variable, self.unit, self.axes, self.association))

    def _read(self) -> Held:
        content = _content(self.path, self._given)
        found = digest(content)
        if self.sha256 not in (None, found):
            raise ConfigError(f"gains.path: {self.path}: has changed: its SHA-256 sum should be {self.sha256}, and is {found}")
        held = _SHARED.get(self._reading(found))
        if held is None:
            where = f"gains.path: {self.path}" if self._given is None else "gains"
            values = read_array(self.path, content, self.variable)
            ordered = _ordered(where, values, self.axes)
            held = Held(*_among_agents(where, _linear(where, ordered, self.unit), self.association))
        _SHARED[self._reading(found)] = held
        self.__dict__["sha256"] = found  # a frozen model's own note of what it has read
        return held

    def layout_of(self, seed: int) -> int:
        """Number of the layout that a seed has: of those held out, where it is compared on; of the others from 2^39 on."""
        layouts = len(self.load())
        kept = self.kept(layouts)
        if not kept:
            return seed % layouts
        return seed % (layouts - kept) if seed >= ELSEWHERE else layouts - kept + seed % kept

    def kept(self, number: int) -> int:
        """Number of some layouts or slots that are held out: at least one, and not all, where any are."""
        return min(max(round(self.held_out * number), 1), number - 1) if self.held_out > 0 else 0

    def window(self, evaluation: bool) -> SlotWindow:
        """Slots of every layout that are played for evaluation, or for all else."""
        slots = self.load().shape[1]
        kept = self.kept(slots)
        if not kept:
            return SlotWindow(0, slots)
        return SlotWindow(slots - kept, kept) if evaluation else SlotWindow(0, slots - kept)

    def starts(self, seed: int, slots: int) -> int:
        """Slot of the window of evaluation in which a seed begins: seeds of one layout play one block after the other.

        Args:
            seed: of the layout.
            slots: of a block.

        Returns:
            The slot, from 0.
        """
        layouts = len(self.load())
        block = seed // (self.kept(layouts) or layouts)
        return block * slots % self.window(evaluation=True).slots


def _as_array(values: Any) -> NDArray[Any]:
    said = ""
    try:
        found = np.asarray(values)
    except Exception as error:  # whatever the objects of other libraries raise, and lists of unequal lengths
        found, said = np.empty((), object), f" ({str(error)[:120]})"
    if found.dtype.kind not in "fiuc" or np.ma.is_masked(values):
        raise ValueError(f"array: is not valid: it should hold numbers everywhere, in rows of the same length{said}")
    return found


def _content(path: str, given: InMemory | None) -> bytes:
    """The file, which should be one of gains by its name, or the array that was given in its place."""
    if given is not None:
        return given.content()
    if path.startswith(MEMORY):
        raise ConfigError(
            f"gains.path: {path}: was an array in memory and is not there any more: write it with numpy.save, and name the file"
        )
    try:
        regular = Path(path).stat() and Path(path).is_file()
        if Path(path).suffix.lower() not in FORMATS or not regular:
            *some, last = FORMATS
            raise ConfigError(f"gains.path: {path}: is not a file of gains: it should end in {', '.join(some)} or {last}")
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"gains.path: {path}: there is no such file") from None
    except ConfigError:
        raise
    except (OSError, ValueError) as error:
        raise ConfigError(f"gains.path: {path}: cannot be read ({error})") from None


def _ordered(where: str, values: NDArray[Any], axes: tuple[GainAxis, ...] | None) -> NDArray[Any]:
    """Values as (layouts, slots, bands, receivers, transmitters), of one of those that they have no axis of."""
    shape = values.shape
    if axes is None:
        right = "(m, m), (slots, m, m) or (layouts, slots, m, m)"
        if values.ndim not in (2, 3, 4) or not values.size:
            raise ConfigError(f"{where}: the shape {shape} is not valid: it should be {right}")
        if shape[-1] != shape[-2]:
            raise ConfigError(
                f"{where}: the shape {shape} is not valid: it should be {right}; of unequal numbers "
                "axes must say which are receivers, as in axes: [receivers, transmitters]"
            )
        axes = tuple(axis for axis in AXES if axis != "bands")[-values.ndim :]
    if len(set(axes)) != len(axes) or not {"receivers", "transmitters"} <= set(axes):
        raise ConfigError(
            f"gains.axes: {list(axes)} is not valid: it should name receivers, transmitters, bands, slots, layouts once"
        )
    if len(axes) != values.ndim or not values.size:
        raise ConfigError(f"{where}: the shape {shape} is not valid: gains.axes names {len(axes)} axes, {', '.join(axes)}")
    present = [axes.index(axis) for axis in AXES if axis in axes]
    sizes = [shape[axes.index(axis)] if axis in axes else 1 for axis in AXES]
    return values.transpose(present).reshape(sizes)


_UNITS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "power": lambda values: values,
    "db": lambda values: np.asarray(10 ** (values / 10)),
    "amplitude": lambda values: values**2,
    "complex": lambda values: np.abs(values) ** 2,
}
"""Power gains of values in each unit."""


def _linear(where: str, values: NDArray[Any], unit: str) -> NDArray[np.float32]:
    """Power gains of values in a unit."""
    if values.dtype.kind == "c" and unit != "complex":
        raise ConfigError(f'{where}: holds {values.dtype} values: gains should be real numbers, or unit "complex"')
    if values.dtype.kind not in "fiuc":
        raise ConfigError(f"{where}: holds {values.dtype} values: gains should be real numbers")
    wide = values.astype(complex if values.dtype.kind == "c" else float)
    with np.errstate(over="ignore", invalid="ignore"):
        linear: NDArray[np.float32] = _UNITS[unit](wide).astype(np.float32)
    negative = (wide < 0) if unit in ("power", "amplitude") else np.zeros(wide.shape, bool)
    for name, wrong, right in (
        ("NaN", np.isnan(linear), "every gain should be a number"),
        ("infinite", np.isinf(linear), "every gain should be finite, in 32 bits"),
        ("negative", negative, 'power gains and amplitudes are 0 or more; gains in dB need unit "db"'),
    ):
        if wrong.any():
            index = np.argwhere(wrong)[0]
            one = [size > 1 for size in wrong.shape[:3]]
            place = ", ".join(str(at) for at, there in zip(index, [*one, True, True], strict=True) if there)
            raise ConfigError(f"{where}: the gain at [{place}] is {name}: {right}")
    return linear


def _among_agents(
    where: str, gain: NDArray[np.float32], association: str | tuple[int, ...] | None
) -> tuple[NDArray[np.float32], bool]:
    """Gains from agent j's transmitter to agent i's receiver, and True where some share a station.

    They are (layouts, slots, m, m), or (layouts, slots, M, m, m) of M > 1 bands.
    """
    layouts, _, bands, receivers, transmitters = gain.shape
    if association is None and receivers == transmitters:
        return np.ascontiguousarray(gain if bands > 1 else gain[:, :, 0]), False
    uplink = receivers <= transmitters
    stations, agents = (receivers, transmitters) if uplink else (transmitters, receivers)
    station, others = ("receiver", "transmitters") if uplink else ("transmitter", "receivers")
    mean = gain.mean(1, dtype=np.float64).mean(1)
    if isinstance(association, tuple):
        if len(association) != agents:
            said = f"it should name a {station} for each of the {agents} {others}"
            raise ConfigError(f"gains.association: {len(association)} numbers are not valid for {where}: {said}")
        if max(association) >= stations:
            raise ConfigError(f"gains.association: {max(association)} is not valid: there are {stations} {station}s, from 0")
        chosen = np.broadcast_to(np.array(association), (layouts, agents))
    else:
        chosen = mean.argmax(1 if uplink else 2)
    row = np.arange(layouts)[:, None]
    turned = np.moveaxis(gain, (1, 2), (-2, -1))  # [layout, receiver, transmitter, slot, band]
    found = turned[row, chosen] if uplink else turned.swapaxes(1, 2)[row, chosen].swapaxes(1, 2)
    found = np.moveaxis(found, (-2, -1), (1, 2))
    return np.ascontiguousarray(found if bands > 1 else found[:, :, 0]), True
