"""Base class of all learners: how they are built, run, saved and loaded, and what an experiment sees of them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Any, ClassVar, Self

from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from trainers.algorithms.base.settings import LINKS, OF_CURVES, VARIES, LearnerSettings, described, signature_of
from trainers.workbench.files import read_tensors, reading, write_tensors
from wirelessenv.config import ConfigError, whole
from wirelessenv.saved_state import refuse_misfit, refuse_outside, refuse_unsound
from wirelessenv.streams import run_seeds

Seeds = int | Sequence[int]


def counted(iterations: int, progress_bar: bool = False) -> Iterable[int]:
    """Numbers 0 ... iterations - 1, with a progress bar where asked for.

    Args:
        iterations: how many, 0 or more.
        progress_bar: whether to show progress.

    Returns:
        The numbers, one after the other.

    Raises:
        ConfigError: where `iterations` is not a count.
    """
    steps = range(whole("iterations", iterations, 0))
    return track(steps, "learning") if progress_bar else steps


class Learner(ABC):
    """A batch of runs (seeds) of one algorithm in some variants (values of its settings), stepped together.

    A subclass names its settings in `Settings`, prepares in `_begin` what it holds before the first iteration, and defines
    one iteration in `_update`. Its constructor is `Name(problem, links, *, <its settings>, seed=0)`.
    """

    Settings: ClassVar[type[LearnerSettings]]
    settings: Any
    """The settings of the first variant; those that do not vary are the same for all."""
    problem: Any
    """The problem that is optimised."""
    iteration: int
    """Iterations so far."""
    train_seconds: float
    """Wall-clock time spent learning."""
    takes: ClassVar[tuple[str, ...]] = ()
    """Attributes that a problem has to have."""
    wants: ClassVar[str] = ""
    """End of the sentence that refuses what has them not."""
    links_vary: ClassVar[bool] = False
    """True where variants may differ in `links`."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "Settings" in vars(cls):
            cls.Settings.learner = cls
            cls.__signature__ = signature_of(cls, cls.Settings)  # type: ignore[attr-defined]  # read by inspect.signature
            cls.__doc__ = f"{cleandoc(cls.__doc__ or cls.__name__)}\n\n{described(cls.Settings)}\n"

    def __init__(self, problem: Any, links: Any = None, *, seed: Seeds = 0, **settings: Any) -> None:
        if isinstance(problem, type) or not all(hasattr(problem, name) for name in self.takes):
            given = f"the class {problem.__name__}" if isinstance(problem, type) else type(problem).__name__
            raise ConfigError(f"problem: {given} is not valid: {self.wants}")
        linked = self.Settings.marked(LINKS)
        if linked and links is not None:
            settings[linked[0]] = links
        self.problem, self.seeds = problem, run_seeds(seed)
        self.links = self._each_link(links)
        self.each = self.Settings.variants(settings, len(self.links))
        """The settings of each variant."""
        self.settings = self.each[0]
        self.iteration, self.train_seconds = 0, 0.0
        self._wanted = 1  # iterations that are still to come before somebody looks
        self._begin()

    @property
    def done(self) -> bool:
        """True once there is nothing left to learn, before all iterations are over."""
        return False

    def _each_link(self, links: Any) -> list[Any]:
        """Links, the same for all variants or one for each."""
        return [links]

    @property
    def variants(self) -> int:
        """Number of variants that train side by side."""
        return len(self.each)

    @abstractmethod
    def _begin(self) -> None:
        """Prepare what the learner holds before its first iteration."""

    @abstractmethod
    def _update(self) -> None:
        """Do one iteration of all runs."""

    def learn(self, iterations: int, callback: Callable[[Self], bool | None] | None = None, progress_bar: bool = False) -> Self:
        """Run some iterations of all runs and variants.

        Args:
            iterations: how many, 0 or more.
            callback: called with the learner after each; when it returns False, learning ends.
            progress_bar: whether to show progress.

        Returns:
            The learner itself.

        Raises:
            ConfigError: where `iterations` is not a count.
        """
        for past in counted(iterations, progress_bar):
            if self.done:
                break
            self._wanted = 1 if callback is not None else int(iterations) - past
            self._iteration()
            if callback is not None and callback(self) is False:
                break
        return self

    def _iteration(self) -> None:
        """One iteration, counted and watched."""
        started = time.perf_counter()
        self._update()
        self.iteration += 1
        self._look()
        self.train_seconds += time.perf_counter() - started

    def _look(self) -> None:  # noqa: B027  # most learners watch for nothing
        """Watch the learner after each iteration."""

    @abstractmethod
    def measures(self) -> dict[str, NDArray[Any]]:
        """Measures of all runs by name, each (variants, runs)."""

    def report(self) -> dict[str, NDArray[Any]]:
        """Columns of metrics.csv, each (runs, variants)."""
        return {name: values.T for name, values in self.measures().items()}

    def warnings(self, iterations: int) -> list[str]:
        """Warnings before so many iterations, a sentence each."""
        return []

    @abstractmethod
    def finite(self) -> NDArray[Any]:
        """Mask of the results that are finite, (runs, variants)."""

    @property
    @abstractmethod
    def parameters(self) -> Tensor:
        """The learned parameters; their first axis is the runs."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError where it is that of another learner, or damaged, and stays as it is."""
        own = self.state()
        refuse_misfit(state, own)
        refuse_outside("iteration", state["iteration"], 0)
        refuse_unsound("train_seconds", state["train_seconds"])
        try:
            self._set_state(state)
        except Exception:
            self._set_state(own)
            raise

    @abstractmethod
    def _set_state(self, state: dict[str, Any]) -> None:
        """Take a state with the names, types and shapes of this learner's; raises ConfigError for numbers that cannot be."""

    def save(self, path: str | Path) -> None:
        """Write everything that `load` needs to go on bit for bit, atomically."""
        kept = {"learner": type(self).__name__, "problem": self._problem_configuration()}
        write_tensors(path, {**kept, "settings": self._arguments(), "state": self.state()})

    @classmethod
    def load(cls, path: str | Path, problem: Any = None, device: str = "cpu") -> Self:
        """A learner as it was saved.

        Args:
            path: the file that `save` wrote.
            problem: the problem that it was trained on; not needed for a `WirelessProblem`.
            device: where a problem that is built again computes.

        Returns:
            The learner, which goes on bit for bit.

        Raises:
            ConfigError: where the file holds another learner, or one of another problem than the one given.
        """
        saved = read_tensors(path)
        if saved.get("learner") != cls.__name__:
            raise ConfigError(f"{path}: holds no {cls.__name__}: {saved.get('learner', 'something else')}")
        with reading(path):
            arguments = dict(saved["settings"])
            links = arguments.pop("messaging") if "messaging" in arguments else arguments.pop("links")  # older files
            learner = cls(cls._problem_of(path, saved["problem"], problem, device), links, **arguments)
            learner.set_state(saved["state"])
        return learner

    def _arguments(self) -> dict[str, Any]:
        """The arguments of the constructor, but for the problem, as plain values."""
        skipped, varied = {"kind", *self.Settings.marked(OF_CURVES), *self.Settings.marked(LINKS)}, self.Settings.marked(VARIES)
        dumped = [one.dump() for one in self.each]
        shared = {name: value for name, value in dumped[0].items() if name not in skipped and name not in varied}
        return {
            "links": self._dumped_links(),
            **{name: [one[name] for one in dumped] for name in varied},
            **shared,
            "seed": list(self.seeds),
        }

    def _dumped_links(self) -> Any:
        """The second argument of the constructor, as plain values."""
        linked = self.Settings.marked(LINKS)
        return getattr(self.settings, linked[0]).dump() if linked else [one.dump() for one in self.links]

    @abstractmethod
    def _problem_configuration(self) -> dict[str, Any]:
        """Description that tells the problem from another one; "" where there is none."""

    @classmethod
    @abstractmethod
    def _problem_of(cls, path: str | Path, saved: dict[str, Any], given: Any, device: str) -> Any:
        """The problem of a saved learner; raises ConfigError where it is not the one given, or none is given."""
