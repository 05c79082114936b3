"""Base class of the message-passing learners: batches of runs, messages and their counts, checkpoints."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from trainers.algorithms.base.learner import Learner, Seeds
from trainers.algorithms.base.settings import MessagePassingSettings
from trainers.events.plan import AHEAD, Plan, Planner, Steps
from trainers.problems.problem import Problem
from trainers.problems.saved import rebuilt
from trainers.workbench.devices import placed
from wirelessenv.config import ConfigError
from wirelessenv.layout import refused_with_cut
from wirelessenv.memory import Part, check_room, part
from wirelessenv.messages.graph import hop_counts
from wirelessenv.messages.knowledge import Knowledge, entry_bits, message_graphs, needed_memory
from wirelessenv.messages.near_graph import Ends
from wirelessenv.messages.near_knowledge import NearKnowledge, message_ends
from wirelessenv.physics.neighbours import NeighbourLists
from wirelessenv.saved_state import refuse_outside
from wirelessenv.scenario import Messaging

Messagings = Messaging | str | dict[str, Any] | Sequence[Messaging]


class MessagePassingLearner(Learner):
    """Agents with policies of their own that measure, send what they measured, and update with what they heard.

    A run is one seed; a variant is one value of the settings that may vary, and of `links`. Variants share the channels of
    a run, so that their differences are paired. `STATE` names the attributes that change while it learns. A subclass
    defines `_iterate`: query, receive, update.
    """

    problem: Problem
    settings: MessagePassingSettings
    each: list[Any]
    links: list[Messaging]
    links_vary = True
    takes = ("seeds", "agents", "policies", "measure")
    wants = "this method needs agents with policies, such as WirelessProblem()"
    STATE: ClassVar[tuple[str, ...]] = ("iteration", "train_seconds", "_parameters")
    over_lists: ClassVar[bool] = False
    """True where it serves networks whose faint links are cut: there, agents keep entries of agents near them alone."""

    def __init__(self, problem: Problem, links: Messagings = "paper", *, seed: Seeds = 0, **settings: Any) -> None:
        super().__init__(problem, links, seed=seed, **settings)

    def _each_link(self, links: Any) -> list[Messaging]:
        several = isinstance(links, Sequence) and not isinstance(links, str)
        return [Messaging.of(one) for one in (links if several else [links])]

    def _begin(self) -> None:
        problem = self.problem
        if len(self.seeds) != len(problem.seeds):
            raise ConfigError(f"seed: {len(self.seeds)} seeds are not valid: the problem has {len(problem.seeds)} runs")
        if len(self.links) not in (1, self.variants):
            raise ConfigError(
                f"links: {len(self.links)} are not valid: give 1, or one for each of the {self.variants} variants"
            )
        own = self.settings.agent_steps
        if own is not None and len(own) != problem.agents:
            raise ConfigError(f"agent_steps: {len(own)} values are not valid: there are {problem.agents} agents")
        self.links *= self.variants if len(self.links) == 1 else 1
        if self._lists is not None and not self.over_lists:
            raise ConfigError(refused_with_cut(f"{self.settings.kind} needs the gains of all links"))
        runs, agents, size = len(self.seeds), problem.agents, problem.policies.size
        check_room(*self._parts(), device=problem.device)
        start = problem.policies.initial(self.seeds, agents).to(problem.device)
        self._parameters = start[:, :, None].expand(runs, agents, self.variants, size).clone()
        self.knowledge: list[Any] = []
        near: list[NDArray[np.bool_] | None] = [None] * self.variants
        if self._lists is not None:
            self.knowledge = [self._near_knowledge(variant) for variant in range(self.variants)]
        else:
            graphs = [self._graphs(variant) for variant in range(self.variants)]
            self.knowledge = [self._knowledge(variant, links) for variant, links in enumerate(graphs)]
            near = [self._near(variant, links) for variant, links in enumerate(graphs)]
        all_perturb = getattr(self.settings, "perturb_sleeping", True)
        memory = self.settings.memory
        self._planner = Planner(self.knowledge, self._steps(), memory, all_perturb, problem.device, near)

    def _steps(self) -> list[Steps]:
        """Step sizes of the variants, with which measurements are weighted."""
        return [one.steps for one in self.each]

    def _parts(self) -> tuple[Part, ...]:
        """Memory that is needed, with the names of the settings that say how much."""
        policies = self.problem.policies
        agents, variants = ("transmitters", self.problem.agents), ("curves", self.variants)
        memory, batch = ("memory", self.settings.memory), ("batch", self.settings.batch)
        each = ("seeds", len(self.seeds))
        hidden = ("policy.hidden (parameters)", policies.size)
        if self._lists is not None:
            links = ("neighbours, of which a larger cut leaves", -(-self._lists.links // self._lists.agents))
            return (
                part(20, each, agents, variants, hidden),
                part(24, each, agents, links, batch),
                part(5, memory, each, agents, hidden),
                part(14, memory, each, agents, variants),
            )
        return (
            part(20, each, agents, variants, hidden),
            part(12 * policies.width, each, agents, variants, batch),
            part(48, each, agents, agents, batch),  # the channels of a measurement
            part(5, memory, each, agents, hidden),
            part(14, memory, each, agents, variants),
            part(16 * AHEAD, each, agents, agents, variants),
        )

    def _graphs(self, variant: int) -> NDArray[np.bool_]:
        return message_graphs(self.links[variant], self.problem.agents, self.seeds, self.problem.positions())

    def _most_hops(self, variant: int) -> int | None:
        return getattr(self.each[variant], "most_hops", None)

    def _near(self, variant: int, links: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """Mask of the agents l whose measurements agent i uses, (runs, i, l); None where it uses all."""
        most, weakest = self._most_hops(variant), getattr(self.each[variant], "weakest_interference", None)
        near = None if most is None else np.stack([most >= hop_counts(graph).T for graph in links])
        if weakest is None:
            return near
        if not hasattr(self.problem, "interference_to_noise"):
            told = "nobody knows who disturbs whom in this problem: use WirelessProblem()"
            raise ConfigError(f"weakest_interference: {weakest} is not valid: {told}")
        strong = self.problem.interference_to_noise().swapaxes(1, 2) >= weakest
        disturbed: NDArray[np.bool_] = strong | np.eye(self.problem.agents, dtype=bool)
        return disturbed if near is None else near & disturbed

    def _knowledge(self, variant: int, links: NDArray[np.bool_]) -> Knowledge:
        messaging, most = self.links[variant], self._most_hops(variant)
        if not self.each[variant].cooperative:
            return Knowledge(messaging, np.zeros_like(links), self.seeds)
        needed = needed_memory(messaging, links, most)
        if self.settings.memory < needed:
            hops = "the graph's diameter" if most is None else "hops (most_hops, or the graph's diameter)"
            raise ConfigError(
                f"memory: {self.settings.memory} is not valid: {hops} times the largest delay asks for at least "
                f"{needed} instants"
            )
        return Knowledge(messaging, links, self.seeds)

    @property
    def _lists(self) -> NeighbourLists | None:
        """Lists of the problem's links, where faint ones are cut."""
        return getattr(self.problem, "near", None)

    def _near_knowledge(self, variant: int) -> NearKnowledge:
        """Knowledge of agents at most `most_hops` away, for networks whose faint links are cut."""
        problem, messaging, most = self.problem, self.links[variant], self._most_hops(variant)
        weakest, agents = getattr(self.each[variant], "weakest_interference", None), self.problem.agents
        if weakest is not None:
            raise ConfigError(f"weakest_interference: {weakest} is not valid with a cut: say with most_hops whom an agent uses")
        if not self.each[variant].cooperative:
            nobody = Ends(np.zeros(0, np.int64), np.zeros(0, np.int64))
            return NearKnowledge(messaging, [nobody] * len(self.seeds), agents, self.seeds, hops=0)
        if messaging.relay and most is None:
            raise ConfigError("most_hops: missing: with a cut, agents keep and pass on entries of agents at most so far away")
        hops = 1 if most is None or not messaging.relay else most
        needed = hops * messaging.links.delay.largest + 1
        if self.settings.memory < needed:
            raise ConfigError(
                f"memory: {self.settings.memory} is not valid: hops (most_hops) times the largest delay asks for at least "
                f"{needed} instants"
            )
        ends = message_ends(messaging, problem.positions(), self._lists, problem.mean_gains())  # type: ignore[attr-defined,arg-type]  # it has lists
        return NearKnowledge(messaging, ends, agents, self.seeds, hops=hops)

    @property
    def parameters(self) -> Tensor:
        """The policies theta, (runs, agents, variants, size)."""
        return self._parameters

    def _update(self) -> None:
        self._iterate(self._planner.next(self._wanted))

    @abstractmethod
    def _iterate(self, plan: Plan) -> None:
        """Do one iteration: query, receive, update."""

    @property
    @abstractmethod
    def value_bits(self) -> int:
        """Bits of what one entry of a message carries, beside its agent and its time."""

    @property
    def entry_bits(self) -> int:
        """Bits of one entry of a message."""
        return entry_bits(self.problem.agents, self.value_bits)

    @property
    def said(self) -> Tensor:
        """Values of the entries of the last iteration, one for each agent, as an observer hears them: (runs, agents, ...).

        Those of the first variant. An agent that does not query keeps its value to itself.
        """
        raise ConfigError(f"{type(self).__name__} is not valid here: it does not tell what its agents send")

    def _told(self, what: str) -> NDArray[np.int64]:
        return np.stack([getattr(knowledge, what) for knowledge in self.knowledge], axis=1)

    @property
    def max_age(self) -> NDArray[np.int64]:
        """Largest age met so far of an entry that an agent holds, (runs, variants)."""
        return self._told("max_age")

    @property
    def messages(self) -> NDArray[np.int64]:
        """Messages sent so far, losses included, (runs, variants)."""
        return self._told("messages")

    @property
    def entries(self) -> NDArray[np.int64]:
        """Entries in them, (runs, variants)."""
        return self._told("entries")

    @property
    def changed_entries(self) -> NDArray[np.int64]:
        """Entries that changed since the last message over the same link, (runs, variants)."""
        return self._told("changed_entries")

    @property
    def bits(self) -> NDArray[np.int64]:
        """Bits sent so far, losses included, (runs, variants)."""
        return self.entries * self.entry_bits

    @property
    def dropped_queries(self) -> NDArray[np.int64]:
        """Entries left out of updates because they were older than the memory, (runs, variants)."""
        return self._planner.dropped

    def measures(self) -> dict[str, NDArray[Any]]:
        """Measures by name, each (variants, runs): utilities, time, messages, entries and bits so far."""
        utility = self.problem.evaluate(self.parameters)
        slots = np.broadcast_to(self.problem.slots, utility.shape)
        counts = ("messages", "entries", "bits", "max_age", "dropped_queries")
        known = {
            "utility": utility,
            "full_power_utility": np.broadcast_to(self.problem.full_power_utility()[:, None], utility.shape),
            "slots": slots,
            "simulated_seconds": slots * self.problem.slot_seconds,
            **{name: getattr(self, name) for name in counts},
            "bits_delta": self.changed_entries * self.entry_bits,
        }
        return {name: values.T for name, values in known.items()}

    def finite(self) -> NDArray[np.bool_]:
        """Mask of the variants whose parameters are all finite, (runs, variants)."""
        return np.asarray(self.parameters.isfinite().all(3).all(1).cpu())

    def predict(self, observations: Any, run: int = 0, variant: int = 0) -> Any:
        """Actions of a run's policies.

        Args:
            observations: policy inputs, (..., agents, inputs), or a dict of them by agent.
            run: number of the run, from 0.
            variant: number of the variant, from 0.

        Returns:
            Actions in the form and the units of the problem: powers in [0, p_max], or an environment's actions.

        Raises:
            ConfigError: where there is no such run or variant, or observations do not fit.
        """
        runs, _, variants, _ = self.parameters.shape
        if not (0 <= run < runs and 0 <= variant < variants):
            raise ConfigError(f"run, variant: {run}, {variant} are not valid: there are {runs} runs and {variants} variants")
        return self.problem.act(self.parameters[run, :, variant], observations)

    def _problem_configuration(self) -> dict[str, Any]:
        return dict(self.problem.configuration())

    @classmethod
    def _problem_of(cls, path: str | Path, saved: dict[str, Any], given: Problem | None, device: str) -> Problem:
        if given is None:
            if not saved:
                raise ConfigError(f"{path}: it was trained on a foreign environment: give load() the problem")
            return rebuilt(saved, device)
        if (own := given.configuration()) != saved:
            changed = next(key for key in (own | saved) if own.get(key) != saved.get(key))
            raise ConfigError(f"{path}: it was trained on another problem than the one given: the {changed} differs")
        return given

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here: parameters, memories, messages on their way, streams."""
        attributes = {name: getattr(self, name) for name in self.STATE}
        elsewhere = {} if self.problem.device == "cpu" else {"device": self.problem.device}
        return {**attributes, "planner": self._planner.state(), "problem": self.problem.state(), **elsewhere}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; one of another device goes on with random streams of this one, which begin anew."""
        super().set_state(self._here(state, self.state()) if isinstance(state, dict) else state)

    def _here(self, state: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        """A saved state as one of this device: generators of a GPU and of numpy have states of different kinds."""
        here = {name: value for name, value in placed(state, own, self.problem.device).items() if name != "device"}
        if "device" in own:
            here["device"] = own["device"]
        if state.get("device", "cpu") != self.problem.device and isinstance(state.get("problem"), dict):
            counted = {name: value for name, value in state["problem"].items() if name == "slots"}
            here |= {"problem": own["problem"] | counted} | {name: own[name] for name in ("draws",) if name in own}
        return here

    def _set_state(self, state: dict[str, Any]) -> None:
        for name in self.STATE:
            setattr(self, name, state[name])
        self._planner.set_state(state["planner"])
        now = self.iteration + self._planner.ahead
        for knowledge in self.knowledge:
            refuse_outside("planner.knowledge.time", knowledge.time, now, now)
        self.problem.set_state(state["problem"])


def in_memory(times: range, memory: int) -> Iterator[slice]:
    """The rows `time % memory` of consecutive times, as one or two slices.

    Args:
        times: at most `memory` consecutive times.
        memory: how many rows there are.

    Yields:
        Slices of rows, in the order of the times.
    """
    first, count = times.start % memory, len(times)
    yield slice(first, min(first + count, memory))
    if first + count > memory:
        yield slice(0, first + count - memory)
