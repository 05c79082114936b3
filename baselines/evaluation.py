"""A policy of one's own as a row of the fair table, in one call: `evaluate`."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from gymnasium.spaces import Box, Discrete

from baselines.allocators import fractional_programming, full_power, random_power, wmmse
from baselines.allocators.checks import for_network
from baselines.comparison.allocation import WMMSE, Allocator, FractionalProgramming, FullPower, RandomPower
from baselines.comparison.held_out import HeldOut
from baselines.comparison.measures import Measured
from trainers.workbench.intervals import Interval, interval
from wirelessenv.arrays import Doubles
from wirelessenv.channel.fading import NoFading
from wirelessenv.config import ConfigError
from wirelessenv.envs.actions import Actions
from wirelessenv.envs.batch import Batch
from wirelessenv.envs.settings import Settings
from wirelessenv.imports import failure
from wirelessenv.link_forms import budget
from wirelessenv.network import NearBlock
from wirelessenv.physics.checks import numbers, powers
from wirelessenv.scenario import Scenario
from wirelessenv.sentences import shown

Decide = Callable[[np.ndarray], Any]
"""Observations of a slot, (layouts, m, size), to actions."""


class Evaluated(NamedTuple):
    """Results of a policy on held-out slots; printed, a row of the table of a comparison."""

    name: str
    scenario: str
    full_power: Interval
    """Utility over that of full power: interquartile mean over layouts with its 95 % interval."""
    wmmse: Interval
    """Utility over that of WMMSE, in the same way."""
    measured: Measured
    """Utility, rates and power of every layout."""

    def __str__(self) -> str:
        ratios = ", ".join(
            f"{one.estimate:.3f} x {name} [{one.low:.3f}, {one.high:.3f}]"
            for name, one in (("full power", self.full_power), ("WMMSE", self.wmmse))
        )
        return f"{self.name} on {self.scenario}, {len(self.measured.utility)} layouts: {ratios}"


def evaluate(
    policy: Any,
    scenario: Scenario | str | Mapping[str, Any] = "dense",
    *,
    layouts: int = 40,
    slots: int = 50,
    warm_up: int = 10,
    observation: Any = None,
    actions: str | None = None,
    name: str | None = None,
) -> Evaluated:
    """Play a policy on the slots on which comparisons compare, beside full power and WMMSE on the same ones.

    Args:
        policy: one of
            an allocator(gain, noise, p_max) -> powers, as those of `baselines.allocators`; of M bands gain is (..., M, m, m),
            powers are (..., M, m), and one that has a parameter `bands` gets M; noise and p_max are arrays (m,) where they are
            each agent's own, and one that has a parameter `weights` gets those of the rates; where the scenario cuts links, an
            allocator(near, gain, noise, p_max) over its lists of neighbours, or one of those that have such a form;
            a function of observations (layouts, m, size) -> actions (layouts, m), of M bands (layouts, m, M);
            a torch module of rows (layouts * m, size) -> (layouts * m,) or (layouts * m, 1), of M bands (layouts * m, M);
            a model of Stable-Baselines3, asked for deterministic actions of such rows;
            a TrainedMethod of this package;
            anything with `predict(observations)` of dicts by agent, as PettingZoo's, such as a learner of this project; where
            it has `options`, these are options of the environment that it acts in, such as those of its messages.
        scenario: a preset's name, a mapping, or a Scenario.
        layouts: how many, with the seeds 0, 1, ...: the unit of the intervals.
        slots: of every layout that count.
        warm_up: slots before them, which do not.
        observation: the parts of an observation, as environments take them; the environment's own where not given.
        actions: what the policy's actions are: "normalised" in [-1, 1], "power" in [0, p_max], "discrete" levels, or the
            "simplex" of several bands. Where not given: what a model's action space says, powers for learners of this project,
            else "normalised".
        name: of the row.

    Returns:
        Its utility relative to both, with intervals, and the measurements of every layout.

    Raises:
        ConfigError: for a policy that does not fit the scenario's observations or actions, or a fault that it raises.

    >>> from baselines.allocators import full_power
    >>> print(evaluate(full_power, "gaussian", layouts=2, slots=5).full_power.estimate)
    1.0
    """
    scenario = Scenario.of(scenario)
    held = HeldOut.draw(scenario, range(_count("layouts", layouts)), slots, warm_up)
    if any(one.__module__ == "baselines.learned.trained" for one in type(policy).__mro__):
        _refuse_what_it_has_learned_from(policy.scenario, scenario)
        power = policy.predict(held)
    elif (needed := _needed(policy)) in (3, 4):
        power = _allocated(policy, held, over_lists=needed == 4)
    else:
        power = _played(policy, held, observation, actions)
    best, everybody = WMMSE().powers(held), FullPower().powers(held)
    mine, reference, full = (Measured.of(held, one, 0) for one in (power, best, everybody))
    over_full, over_best = (interval(mine.utility / other.utility, "interquartile_mean") for other in (full, reference))
    title = name or str(getattr(policy, "__name__", type(policy).__name__))
    return Evaluated(title, "own gains" if scenario.gains else scenario.preset, over_full, over_best, mine)


def _refuse_what_it_has_learned_from(trained_on: Scenario, scenario: Scenario) -> None:
    """Refuse gains of the user's own, none of which is held out, where the policy was trained on the same."""
    if scenario.gains is None or scenario.gains != trained_on.gains or scenario.gains.held_out > 0:
        return
    layouts, slots = scenario.given_gains().shape[:2]
    if layouts == slots == 1 and not isinstance(scenario.fading, NoFading):
        return  # what is drawn on top of them is new
    told = "the policy has learned from all of these gains: say what share is kept to evaluate on, such as 0.5"
    raise ConfigError(f"scenario.gains.held_out: 0 is not valid: {told}")


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ConfigError(f"{name}: {shown(value)} is not valid: it should be a whole number, 1 or more")
    return int(value)


def _needed(policy: Any) -> int:
    """Number of arguments that a function needs: three, gain, noise and p_max, of an allocator; four of one over lists.

    A parameter `bands` does not count: it gets their number (`for_network`).
    """
    if not callable(policy) or hasattr(policy, "predict"):
        return 0
    try:
        known = [one for one in inspect.signature(policy).parameters.values() if one.name != "bands"]
    except (TypeError, ValueError):
        return 0
    return sum(one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in known)


def _allocated(policy: Any, held: HeldOut, over_lists: bool) -> Doubles:
    """Powers (layouts, warm_up + slots, m) of an allocator."""
    block, scenario = held.block, held.scenario
    if isinstance(block, NearBlock) != over_lists:
        for allocator, method in LISTED.items():
            if policy is allocator:
                return method.powers(held)
        name = getattr(policy, "__name__", type(policy).__name__)
        if over_lists:
            raise ConfigError(f"policy: the allocator {name} is not valid without scenario.cut: it takes lists of neighbours")
        raise ConfigError(
            f"policy: the allocator {name} is not valid with scenario.cut: it takes the gains of all links, and with a cut "
            f"there are lists of neighbours: use {', '.join(one.__name__ for one in LISTED)}, or an "
            "allocator(near, gain, noise, p_max)"
        )
    gain = held.rated_gain()
    if isinstance(block, NearBlock):
        return np.asarray(_called(for_network(policy, scenario), "its powers", block.lists, gain, block.noise, scenario.p_max))
    return np.asarray(_called(for_network(policy, scenario), "its powers", gain, scenario.noise_power, scenario.p_max))


LISTED: dict[Callable[..., Any], Allocator] = {
    full_power: FullPower(),
    random_power: RandomPower(),
    wmmse: WMMSE(),
    fractional_programming: FractionalProgramming(),
}
"""Allocators that have a form over lists of neighbours, with the methods of comparisons that do the same."""


def _played(policy: Any, held: HeldOut, observation: Any, actions: str | None) -> Doubles:
    """Powers (layouts, warm_up + slots, m) of a policy that sees observations, slot by slot."""
    given = {"actions": actions, "observation": observation}
    own = _of_space(policy, held.scenario) | _own_options(policy, held.scenario)
    settings = Settings.of(held.scenario, own | {name: one for name, one in given.items() if one is not None})
    _refuse_long_delays(policy, held)
    batch, space = Batch(settings, len(held.layouts), network=held.network()), Actions(settings)
    _refuse_other_observations(policy, batch.observation_space(), held.scenario)
    decide, agents = _decision(policy, batch), batch.agents
    batch.reset(held.layouts)
    shape = (batch.environments, agents, space.width)[: 2 if space.width == 1 else 3]
    found = np.empty((held.block.gain.shape[1], batch.environments, *held.block.wanted.shape[2:]))
    for slot in range(len(found)):
        chosen = np.asarray(_called(decide, "its actions", batch.observations(), real=settings.actions != "discrete"))
        if chosen.shape not in (shape, (*shape[:2], space.width)):
            axes = "(layouts, m)" if space.width == 1 else "(layouts, m, numbers)"
            raise ConfigError(f"policy: actions of the shape {chosen.shape} are not valid for {axes} {shape}")
        chosen = chosen.reshape(shape)
        if settings.actions == "power":  # which an environment would clip in silence
            _refuse_powers(chosen.reshape(*shape[:2], -1)[..., : space.numbers], held.scenario)
        try:
            found[slot], messages = space.of_array(chosen, shape, agents)
        except ValueError as error:
            raise ConfigError(f"policy: {error}") from None
        batch.step(found[slot], messages)
    return found.swapaxes(0, 1)


def _refuse_powers(chosen: Doubles, scenario: Scenario) -> None:
    """Raises ConfigError where powers (layouts, m, bands) are not those of transmitters."""
    each = chosen.swapaxes(1, 2) if scenario.bands > 1 else chosen[..., 0]
    powers("policy: its powers", each, scenario.transmitters, scenario.p_max)
    if scenario.bands > 1:
        budget("policy: its powers", each, scenario.p_max)


def _of_space(policy: Any, scenario: Scenario) -> dict[str, Any]:
    """The options of the environment that a policy's actions are for."""
    space, bands = getattr(policy, "action_space", None), scenario.bands
    if isinstance(space, Discrete):
        return {"actions": "discrete", "levels": (int(space.n) - 1) // bands + 1}
    if isinstance(space, Box):
        own = _own_options(policy, scenario)
        told = own.get("message_size", 1) if own.get("messages") == "learned" else 0
        if bands > 1 and space.shape[-1:] == (bands + 1 + told,):
            return {"actions": "simplex"}
        return {"actions": "normalised" if (space.low < 0).all() else "power"}
    return {"actions": "power" if _is_learner(policy) else "normalised"}


def _own_options(policy: Any, scenario: Scenario) -> dict[str, Any]:
    """The options of the environment that a policy names itself, such as how its messages travel."""
    own = getattr(policy, "options", None)
    if scenario.cut is not None:
        own = getattr(policy, "options_over_lists", own)
    return dict(own) if isinstance(own, Mapping) else {}


def _refuse_long_delays(policy: Any, held: HeldOut) -> None:
    """Raises ConfigError where a policy's messages take longer than there are slots before those that count."""
    needed = getattr(policy, "memory", 0) if _own_options(policy, held.scenario) else 0
    if isinstance(needed, int) and needed > held.warm_up:
        raise ConfigError(f"warm_up: {held.warm_up} is not valid: the policy's messages take {needed} slots until all are used")


def _is_learner(policy: Any) -> bool:
    """True for a learner of this project, whose `predict` gives powers; without importing one."""
    return any(one.__module__.startswith("trainers.algorithms.") for one in type(policy).__mro__)


def _refuse_other_observations(policy: Any, space: Box, scenario: Scenario) -> None:
    seen = getattr(policy, "observation_space", None)
    if isinstance(seen, Box) and seen.shape != space.shape:
        raise ConfigError(
            f"observation: the policy was trained for {seen.shape} numbers, and an agent of {scenario.preset} observes "
            f"{space.shape}: give the observation and the scenario that it was trained with"
        )


def _decision(policy: Any, batch: Batch) -> Decide:
    """The policy as a function of observations (layouts, m, size)."""
    agents, each = batch.agents, (-1,) if batch.settings.scenario.bands > 1 else ()
    if hasattr(policy, "observation_space") and hasattr(policy, "predict"):
        return lambda seen: np.reshape(policy.predict(_rows(seen), deterministic=True)[0], (*seen.shape[:2], *each))
    if hasattr(policy, "predict"):
        names = [f"tx_{number}" for number in range(agents)]

        def of_dicts(seen: np.ndarray) -> Any:
            told = [policy.predict(dict(zip(names, one, strict=True))) for one in seen]
            return np.array([[np.ravel(one[name]) for name in names] for one in told])

        return of_dicts
    if any(one.__module__ == "torch.nn.modules.module" for one in type(policy).__mro__):
        import torch  # noqa: PLC0415  # only where a policy is a torch module

        def of_rows(seen: np.ndarray) -> Any:
            rows = torch.from_numpy(_rows(seen))
            with torch.no_grad():
                returned = policy(rows)
            told = tuple(returned.shape) if isinstance(returned, torch.Tensor) else type(returned).__name__
            size = math.prod(told) if isinstance(told, tuple) else 0
            if size == 0 or size % len(rows) or (not each and size > len(rows)):
                right = f"of rows {tuple(rows.shape)} a tensor of actions with {len(rows)} rows, such as the means"
                raise ConfigError(f"policy: {told} is not valid: a torch module should return {right}")
            return returned.numpy().reshape(*seen.shape[:2], *each)

        return of_rows
    if not callable(policy):
        raise ConfigError(
            f"policy: {shown(policy)} is not valid: it should be an allocator, a function of observations, a torch module, or "
            "have a predict"
        )
    return policy  # type: ignore[no-any-return]  # a function of the user's


def _rows(seen: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(seen.reshape(-1, seen.shape[-1]))


def _called(function: Callable[..., Any], what: str, *given: Any, real: bool = True) -> Any:
    """The value that a user's function returns; whatever it raises is one sentence."""
    try:
        returned = function(*given)
    except ConfigError as error:
        told = str(error)
        raise ConfigError(told if told.startswith("policy: ") else f"policy: it has failed, {failure(error)}") from error
    except (Exception, SystemExit) as error:
        raise ConfigError(f"policy: it has failed, {failure(error)}") from error
    try:
        return numbers(what, returned) if real else returned
    except ConfigError as error:
        raise ConfigError(f"policy: {error}") from None
