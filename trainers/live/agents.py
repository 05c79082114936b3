"""The agents of Algorithm 2 live: they perturb, post powers, hear what others measured, and move (Behmandpoor et al., 2024)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.algorithms.base.estimates import FEEDBACK
from trainers.algorithms.zeroth_order import ZerothOrderLearner, add_perturbations, weights_of_rows
from trainers.live.party import Arrays, Inbox, Mail, Parcel, Shard
from trainers.live.radio import RoundResult, tensor
from trainers.problems.wireless import WirelessProblem, powers_of
from wirelessenv.channel.sampling import NumpySampler
from wirelessenv.messages.knowledge import UNKNOWN

CHUNK = 16
"""Perturbations of an agent that are drawn at a time, from a stream of their own."""
EARLY = 64
"""Messages of later rounds than a shard knows of that it keeps, at the most."""


class Perturbations:
    """Perturbations u of some agents' posts, which depend on the agent and the number of the post alone.

    Args:
        seed: of the run.
        agents: their numbers.
        directions: K, of each post.
        size: numbers of a policy.
    """

    def __init__(self, seed: int, agents: Sequence[int], directions: int, size: int) -> None:
        self._seed, self._agents = seed, agents
        self._shape = (len(agents), CHUNK, directions, size)
        self._drawn: tuple[int, NDArray[np.float32]] = -1, np.empty(0, np.float32)
        self._coming, self._ready = np.empty(self._shape, np.float32), 0

    def of(self, post: int) -> NDArray[np.float32]:
        """Perturbations of one post of each agent.

        Args:
            post: number of the post, from 0.

        Returns:
            u, (directions, agents, size).
        """
        chunk, row = divmod(post, CHUNK)
        if self._drawn[0] != chunk:
            if self._drawn[0] + 1 != chunk:
                self._ready = 0  # that is of another chunk
            self._draw(chunk, len(self._agents))
            self._drawn = chunk, self._coming
            self._coming, self._ready = np.empty(self._shape, np.float32), 0
        return self._drawn[1][:, row].swapaxes(0, 1)

    def prepare(self) -> None:
        """Draw the next chunk of some of the agents, so that the last post of this one finds all of it."""
        self._draw(self._drawn[0] + 1, self._ready + -(-len(self._agents) // CHUNK))

    def _draw(self, chunk: int, until: int) -> None:
        """Draw a chunk of the agents that have not been drawn, up to so many."""
        for agent, target in zip(self._agents[self._ready : until], self._coming[self._ready : until], strict=True):
            NumpySampler([self._seed], f"perturbation of agent {agent}", chunk).fill_normal(target[None])
        self._ready = max(self._ready, min(until, len(self._agents)))


class Surroundings(NamedTuple):
    """Relations of some agents to the others."""

    own: NDArray[np.intp]
    """their numbers, one after the other"""
    senders: NDArray[np.intp]
    """the agents that each of them hears, padded with itself, (own, most)"""
    speakers: dict[int, NDArray[np.intp]]
    """agents of the shard that each other shard hears, by its number"""
    near: NDArray[np.bool_] | None
    """mask of the agents whose measurements they use, (own, m); None: all"""

    @property
    def here(self) -> slice:
        """Their numbers as a slice, which is quicker than a list of them."""
        return slice(int(self.own[0]), int(self.own[-1]) + 1)

    @classmethod
    def of(
        cls, links: NDArray[np.bool_], owners: NDArray[np.intp], shard: int, near: NDArray[np.bool_] | None
    ) -> "Surroundings":
        """The relations of the agents of a shard.

        Args:
            links: the message graph (m, m), [sender, receiver].
            owners: the shard of each agent.
            shard: number of the shard.
            near: mask of the measurements that each agent uses, (m, m), or None.

        Returns:
            The relations.
        """
        own = np.flatnonzero(owners == shard)
        heard = [np.flatnonzero(links[:, agent]) for agent in own]
        most = max(1, *map(len, heard))
        padded = [np.concatenate([one, np.full(most - len(one), agent)]) for agent, one in zip(own, heard, strict=True)]
        peers = [peer for peer in range(int(owners.max()) + 1) if peer != shard]
        spoken = {peer: own[links[own][:, owners == peer].any(1)] for peer in peers}
        speakers = {peer: agents for peer, agents in spoken.items() if len(agents)}
        return cls(own, np.array(padded, np.intp), speakers, None if near is None else near[own])


class AgentShard(Shard):
    """Some agents of Algorithm 2; a step is an instant of theirs, from a measurement to the next post.

    Rows of the memory belong to rounds of the radio. In a round an agent's perturbation is that of the post which was on the
    air then, so that what others measured in it says something about that one. Entries of rounds that a shard does not know
    of yet wait; those from before its life began count for nothing, since the perturbations of then are lost.

    Args:
        learner: at its start, with one run and one variant, of a `WirelessProblem` on the CPU.
        owners: the shard of each agent.
        shard: number of this shard.
    """

    def __init__(self, learner: ZerothOrderLearner, owners: NDArray[np.intp], shard: int) -> None:
        problem, self._settings = learner.problem, learner.settings
        assert isinstance(problem, WirelessProblem)
        self._policies, self._agents, self._shard = problem.policies, problem.agents, shard
        self._relay = learner.links[0].relay
        near, links = learner._near(0, learner.knowledge[0].links), learner.knowledge[0].links[0]
        self._around = Surroundings.of(links, owners, shard, None if near is None else near[0])
        own, size, kept = self._around.own, self._policies.size, self._settings.memory * self._settings.directions
        self._feedback = FEEDBACK[self._settings.feedback](self._settings.directions, torch.zeros((1, 1, len(own))))
        start = learner.parameters[:, own]
        self._parameters = torch.stack([start] * (1 + self._feedback.perturbed))
        self._draws = Perturbations(learner.seeds[0], own.tolist(), self._settings.directions, size)
        self._perturbations = torch.zeros((kept, 1, len(own), size))
        self._queries = torch.zeros((1, kept, 1, self._agents))
        self._scalars = self._queries[0, :, 0].numpy()  # the same memory
        self._mu = torch.tensor([self._settings.smoothing], dtype=torch.float32)[:, None]
        self._per_mu_m = 1 / (self._mu * (self._agents * self._settings.directions))
        self._held = np.full((len(own), self._agents), UNKNOWN, np.int64)  # T of every own agent
        self._told = np.full((self._agents, self._agents), UNKNOWN, np.int64)  # T of everybody, as far as it was told here
        self._early = Inbox(EARLY)
        self._spoken = self._held.copy()  # the same when they spoke last
        self._post, self._known, self._since, self._on_air = -1, -1, -1, False
        self._before = self._now = torch.zeros((self._settings.directions, 1, len(own), size))
        self._triples, self._forgotten, self._oldest = 0, 0, -1

    def begin(self, snapshot: Arrays) -> None:
        if snapshot:
            self.parameters[0, :, 0] = tensor(snapshot["policies"])
            self._post = int(snapshot["post"])

    @property
    def parameters(self) -> torch.Tensor:
        """Policies theta of these agents, (1, agents, 1, size)."""
        return self._parameters[0]

    def step(self, reply: RoundResult, messages: list[Mail]) -> Parcel:
        if not self._on_air:
            self._on_air = True
            for message in messages:
                self._early.put(message)
            return self._next_post(reply, {})
        if self._since < 0:
            self._since, self._known = reply.first, reply.first - 1
        self._remember(reply)  # 6, 7
        self._query(reply)  # 1
        self._hear(messages, reply.newest)  # 3, 4, 5
        return self._next_post(reply, self._update(reply.newest))  # 8

    def _rows(self, instants: range) -> list[int]:
        """First rows of the memory of some rounds, of those that are still remembered."""
        memory, directions = self._settings.memory, self._settings.directions
        return [instant % memory * directions for instant in instants[-memory:]]

    def _remember(self, reply: RoundResult) -> None:
        """Lines 6 and 7: each round has the perturbation that was on the air."""
        rounds = (range(self._known + 1, reply.first), self._before), (range(reply.first, reply.newest + 1), self._now)
        for instants, perturbation in rounds:
            for row in self._rows(instants):
                self._perturbations[row : row + len(perturbation)] = perturbation
        self._known = reply.newest

    def _query(self, reply: RoundResult) -> None:
        """Line 1: r_i^t of the newest round."""
        utilities = tensor(reply.utilities)[:, None, None]
        (row,) = self._rows(range(reply.newest, reply.newest + 1))
        scalars = self._feedback.differences(utilities, reply.newest).transpose(0, 1) * self._per_mu_m
        self._queries[:, row : row + scalars.shape[1], :, self._around.here] = scalars
        np.fill_diagonal(self._held[:, self._around.here], reply.newest)

    def _hear(self, messages: list[Mail], newest: int) -> None:
        """Lines 3 to 5: of each agent the newest entry stays."""
        here, told = self._around.here, self._told
        for message in [*self._early.take(), *messages]:
            if message.stamp > newest:
                self._early.put(message)
            else:
                self.learn(message.content, newest)
        told[here] = self._spoken
        if not self._relay:
            told[here] = UNKNOWN
            np.fill_diagonal(told[here, here], self._spoken[:, here].diagonal())
        np.maximum(self._held, told[self._around.senders].max(1), out=self._held)

    def learn(self, content: Arrays, newest: int) -> None:
        speakers, times, values = content["agent"], content["time"], content["value"]
        new = times > np.maximum(self._told[speakers], newest - self._settings.memory)
        speaker, agent = np.nonzero(new)
        memory, directions = self._settings.memory, self._settings.directions
        rows = times[speaker, agent] % memory * directions
        for direction in range(directions):
            self._scalars[rows + direction, agent] = values[speaker, agent, direction]
        self._told[speakers] = np.maximum(self._told[speakers], times)
        self._triples += int(np.count_nonzero(times != UNKNOWN))

    def _update(self, t: int) -> Arrays:
        """Line 8; returns what it used, for the schedule."""
        settings, around, steps = self._settings, self._around, self._settings.steps
        if not steps.learning(t):
            return {}
        used, known = self._held >= max(self._since, t - settings.memory + 1), self._held != UNKNOWN
        if around.near is not None:
            used, known = used & around.near, known & around.near
        self._forgotten += int(np.count_nonzero(known)) - int(np.count_nonzero(used))
        gamma: Any = np.float32(steps.at(t))
        if steps.of_agents is not None:
            gamma = gamma * np.array(steps.of_agents, np.float32)[around.own, None]
        rows, weights = (
            torch.from_numpy(one)[None, :, None] for one in (self._held % settings.memory, used * np.float32(gamma))
        )
        oldest = t - int(np.min(self._held, where=used, initial=t))
        self._oldest = max(self._oldest, oldest)
        weight_of_row = weights_of_rows(self._queries, rows, weights, settings.directions)
        add_perturbations(self.parameters, weight_of_row, self._perturbations, range(t - oldest, t + 1), settings.directions)
        heard = np.where(used, self._held, UNKNOWN).astype(np.int32)
        return {"update_round": np.full(len(heard), t), "update_agent": around.own, "update_heard": heard}

    def tell(self) -> dict[int, Mail]:
        """Line 2: entries that own agents hold, for the shards where somebody hears them."""
        if self._since < 0:
            return {}
        memory, directions = self._settings.memory, self._settings.directions
        self._spoken = self._held.copy()
        told = {}
        for peer, speakers in self._around.speakers.items():
            held = self._held[speakers - self._around.own[0]]
            times = np.where(held > self._known - memory, held, UNKNOWN)
            if not self._relay:
                times[np.arange(self._agents) != speakers[:, None]] = UNKNOWN
            rows = (times % memory * directions)[..., None] + np.arange(directions)
            values = self._scalars[rows, np.arange(self._agents)[:, None]]
            content: Arrays = {"agent": speakers, "time": times.astype(np.int32), "value": values}
            told[peer] = Mail(self._shard, int(times.max()), content)
        return told

    def prepare(self) -> None:
        self._draws.prepare()

    def _next_post(self, reply: RoundResult, record: Arrays) -> Parcel:
        """Perturb, and work out the powers of the next round that the radio tells of."""
        self._post += 1
        self._before = self._now
        self._now = torch.from_numpy(self._draws.of(self._post))[:, None]
        self._feedback.perturb(self._parameters, self._now.unsqueeze(3), self._mu)
        inputs = tensor(reply.inputs)[:, None, :, None]
        powers = powers_of(self._policies, self._feedback.measured(self._parameters), inputs, self._around.own)
        policies = self.parameters[0, :, 0].numpy().copy()
        content = {"powers": powers[:, 0, 0].numpy(), "base": np.array(reply.newest + 1)}
        return Parcel(self._post, content, {"policies": policies, "post": np.array(self._post)}, record)

    def counts(self) -> dict[str, int]:
        dropped = {"messages dropped": self._early.dropped, "entries forgotten": self._forgotten}
        return {"triples heard": self._triples, "largest age": self._oldest, **dropped}
