"""Replay: the simulator takes the schedule of a live run, and arrives at the same iterates.

This is the proof that the live form is the algorithm. A replayed learner is the simulator's own, in which events that are
drawn as a rule are those that happened, and data come from the streams of their client and task.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from trainers.algorithms.async_bc import AsyncBC
from trainers.algorithms.pars_push import PARSPushLearner
from trainers.algorithms.zeroth_order import ZerothOrderLearner, add_perturbations
from trainers.events.link_events import LinkEvents, Tick
from trainers.events.plan import Planner
from trainers.events.timetable import CHUNK, Events, Server, Timetable
from trainers.live.agents import Perturbations
from trainers.live.nodes import batches
from trainers.live.party import Arrays
from trainers.live.server import ClientShard
from trainers.problems.objective import NumpyArray
from trainers.problems.wireless import WirelessProblem, powers_of
from wirelessenv.channel.sampling import NumpySampler
from wirelessenv.messages.knowledge import UNKNOWN, Instants, Knowledge


class RecordedTimetable(Timetable):
    """Timetable of tasks as they were answered.

    Args:
        server: whom it asks.
        clients: n.
        recorded: schedule of a live run of AsyncBC.
    """

    def __init__(self, server: Server, clients: int, recorded: Arrays) -> None:
        self._recorded = recorded
        self.clients, self.first = clients, recorded["first"].tolist()
        self.concurrency, self._number = len(self.first), 0
        client_of = [*self.first, *recorded["next_client"].tolist()]
        slot_of = list(range(self.concurrency))
        busy = np.bincount(self.first, minlength=clients)
        rows = []
        for task, following in zip(recorded["task"].tolist(), recorded["next_client"].tolist(), strict=True):
            slot_of.append(slot_of[task])
            busy[client_of[task]] -= 1
            busy[following] += 1
            rows.append((client_of[task], max(0, task - self.concurrency + 1), slot_of[task], np.count_nonzero(busy)))
        client, sent_at, slot, active = np.array(rows, np.intp).reshape(-1, 4).T
        self._all = Events(client, sent_at, slot, recorded["next_client"], recorded["seconds"], active)

    def chunk(self, number: int) -> Events:
        """The events of updates number * CHUNK to (number + 1) * CHUNK, or of those of them that were recorded."""
        self._number = number
        columns: Any = (column[number * CHUNK : (number + 1) * CHUNK] for column in self._all)
        return Events(*columns)

    def summary(self, updates: int) -> dict[str, float]:
        ages = np.arange(updates) - self._all.sent_at[:updates]
        return {
            "tau_c": self.concurrency,
            "tau_max": int(ages.max(initial=0)),
            "tau_avg": float(ages.mean()) if updates else 0.0,
            "concurrency": float(self._all.active[:updates].mean()) if updates else 0.0,
            "seconds": float(self._all.seconds[updates - 1]) if updates else 0.0,
        }


class ReplayedAsyncBC(AsyncBC):
    """AsyncBC with the events of a live run.

    Args:
        recorded: its schedule.
        problem: its problem.
        links: the server.
        options: its settings and seed.
    """

    def __init__(self, recorded: Arrays, problem: Any, links: Any = None, **options: Any) -> None:
        self._recorded, self._tasks = recorded, 0
        super().__init__(problem, links, **options)

    def _first_tasks(self) -> None:
        self.timetables = [RecordedTimetable(self.settings.server, self.problem.clients, self._recorded)]
        super()._first_tasks()

    def _draw(self, clients: NumpyArray) -> list[NumpyArray]:
        numbered = list(enumerate(clients[:, 0].tolist(), self._tasks))
        self._tasks += len(clients)
        if self.settings.exact or not numbered:
            return []
        drawn = [ClientShard.samples(self.problem, self.settings, self.seeds[0], *task) for task in numbered]
        return [np.stack(one) for one in zip(*drawn, strict=True)]


class RecordedLinkEvents(LinkEvents):
    """Link events as they happened.

    Args:
        drawn: link events of the same graph.
        recorded: schedule of a live run of PARS-Push.
    """

    def __init__(self, drawn: LinkEvents, recorded: Arrays) -> None:
        self.__dict__.update(drawn.__dict__)
        late = recorded["taken_tick"] - recorded["taken_sent"]
        self.delays = np.arange(int(late.max(initial=0)) + 1)
        ticks, nodes = int(recorded["ticks"]), self.graphs.shape[1]
        self._woken = np.zeros((ticks, 1, nodes), bool)
        self._woken[recorded["woken_tick"], 0, recorded["woken_node"]] = True
        order = np.argsort(recorded["taken_tick"], kind="stable")
        self._late, self._link = late[order], recorded["taken_link"][order]
        self._begins = np.searchsorted(recorded["taken_tick"][order], np.arange(ticks + 1))
        self._tick = -1

    def next(self) -> Tick:
        """Events of the next tick."""
        self._tick += 1
        rows = slice(*self._begins[self._tick : self._tick + 2])
        arriving = np.zeros((len(self.delays), len(self.sender)), bool)
        arriving[self._late[rows], self._link[rows]] = True
        awake = self._woken[self._tick]
        return Tick(awake, np.where(awake, self.out_degree, 0), arriving)


class ReplayedPARSPush(PARSPushLearner):
    """PARS-Push with the events of a live run.

    Args:
        recorded: its schedule.
        problem: its problem.
        links: its messaging, of which the graph counts.
        options: its settings and seed.
    """

    def __init__(self, recorded: Arrays, problem: Any, links: Any, **options: Any) -> None:
        self._recorded = recorded
        super().__init__(problem, links, **options)

    def _begin(self) -> None:
        super()._begin()
        self.link_events = RecordedLinkEvents(self.link_events, self._recorded)
        self._posted = np.zeros((self.variants, len(self.link_events.delays), *self._posted.shape[2:]))

    def _batches(self, count: int) -> list[NumpyArray | None]:
        nodes = np.arange(self.problem.clients)
        return batches(self.problem, self.settings, self.seeds[0], nodes, self.iteration)


def of_shards(recorded: Arrays) -> list[NDArray[np.intp]]:
    """Agents of each shard of a live run: what a shard worked out together is worked out together again, and rounded alike."""
    return [np.flatnonzero(recorded["shard"] == shard) for shard in np.unique(recorded["shard"])]


class RecordedAir(WirelessProblem):
    """The radio as it was: whoever is late stays on the air with the powers that it posted last."""

    def recorded(self, schedule: Arrays) -> "RecordedAir":
        """Set the schedule that is followed; returns the problem itself."""
        self._posts, self._bases, self._together = schedule["post"], schedule["base"], of_shards(schedule)
        self._round, self._seen = 0, dict[int, Tensor]()
        self._on_air: Tensor | None = None
        return self

    def measure(
        self, parameters: Float[Tensor, "sets runs agents variants size"], batch: int, common_noise: bool
    ) -> Float[Tensor, "sets runs variants agents"]:
        samples = self.slots_ahead(len(parameters), batch, common_noise)
        t, self._round = self._round, self._round + 1
        self._seen[t] = samples.inputs
        needed = int(self._bases[t:].min())
        self._seen = {base: inputs for base, inputs in self._seen.items() if base >= needed}
        inputs = samples.inputs.clone()
        for agent, base in enumerate(self._bases[t].tolist()):
            inputs[:, :, agent] = self._seen[base][:, :, agent]
        each = [powers_of(self.policies, parameters[:, :, own], inputs[:, :, own], own) for own in self._together]
        powers = torch.cat(each, dim=-1)
        if self._on_air is not None:
            fresh = torch.from_numpy(self._posts[t] != self._posts[t - 1])
            powers = torch.where(fresh, powers, self._on_air)
        self._on_air = powers
        return self.earned(powers, samples)


class RecordedKnowledge(Knowledge):
    """Knowledge of agents as it was used in their updates.

    Args:
        drawn: knowledge over the same graph.
        recorded: schedule of a live run of Algorithm 2.
    """

    def __init__(self, drawn: Knowledge, recorded: Arrays) -> None:
        self.__dict__.update(drawn.__dict__)
        order = np.argsort(recorded["update_round"], kind="stable")
        self._agent, self._heard = recorded["update_agent"][order], recorded["update_heard"][order]
        self._begins = np.searchsorted(recorded["update_round"][order], np.arange(len(recorded["post"]) + 1))

    def oldest(self, time: int, agents: NDArray[np.intp]) -> int:
        """The earliest T of the entries that agents used in an update.

        Args:
            time: the round of the update.
            agents: their numbers, (k,).

        Returns:
            T; the round itself where they used none.
        """
        some = slice(*self._begins[time : time + 2])
        heard = self._heard[some][np.isin(self._agent[some], agents)]
        return int(np.min(heard, where=heard != UNKNOWN, initial=time))

    def steps(self, instants: int) -> Instants:
        """The next instants of global time, at most as many as were recorded."""
        agents = self.links.shape[1]
        times = np.arange(self.time, self.time + instants, dtype=np.int32)
        newest = np.full((instants, 1, agents, agents), UNKNOWN, np.int32)
        updating = np.zeros((instants, 1, agents), bool)
        for row, time in enumerate(times):
            some = slice(*self._begins[time : time + 2])
            newest[row, 0, self._agent[some]] = self._heard[some]
            updating[row, 0, self._agent[some]] = True
        oldest = np.where(newest == UNKNOWN, -1, times[:, None, None, None] - newest).max((2, 3)).astype(np.int32)
        self.time += instants
        np.maximum(self.max_age, oldest.max(0), out=self.max_age)
        none = np.zeros((instants, 1), np.int64)
        return Instants(times, np.ones_like(updating), updating, newest, oldest, none, none, none)


class RecordedNormals(NumpySampler):
    """Perturbations by agent and post, instant after instant.

    Args:
        seed: of the run.
        directions: K.
        size: numbers of a policy.
        posts: number of the post that each agent was on the air with, (rounds, m).
    """

    def __init__(self, seed: int, directions: int, size: int, posts: NDArray[np.int64]) -> None:
        super().__init__([seed], "perturbation")
        self._named = [Perturbations(seed, [agent], directions, size) for agent in range(posts.shape[1])]
        self._directions, self._posts, self._calls = directions, posts, 0

    def fill_normal(self, target: Any) -> None:
        t, direction = divmod(self._calls, self._directions)
        self._calls += 1
        for agent, post in enumerate(self._posts[t]):
            target[0, 0, agent] = self._named[agent].of(int(post))[direction, 0]


class ReplayedZerothOrder(ZerothOrderLearner):
    """Algorithm 2 with the events of a live run.

    Args:
        recorded: its schedule.
        problem: its problem, as `RecordedAir` with the same schedule.
        links: its messaging, of which graph and relay count.
        options: its settings and seed.
    """

    def __init__(self, recorded: Arrays, problem: Any, links: Any, **options: Any) -> None:
        self._recorded = recorded
        super().__init__(problem, links, **options)

    def _begin(self) -> None:
        super()._begin()
        self._heard, self._together = RecordedKnowledge(self.knowledge[0], self._recorded), of_shards(self._recorded)
        self.knowledge = [self._heard]
        memory, device = self.settings.memory, self.problem.device
        self._planner = Planner(self.knowledge, self._steps(), memory, True, device, [None])
        size, posts = self._parameters.shape[-1], self._recorded["post"]
        self._draws = RecordedNormals(self.seeds[0], self.settings.directions, size, posts)

    def _add(self, target: Tensor, weight_of_row: Tensor, times: range) -> None:
        for own in self._together:
            those = range(self._heard.oldest(times.stop - 1, own), times.stop)
            moved = target[:, own]
            add_perturbations(moved, weight_of_row[:, own], self._perturbations[:, :, own], those, self.settings.directions)
            target[:, own] = moved
