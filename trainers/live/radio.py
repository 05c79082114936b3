"""The radio of Algorithm 2 live: the one party that measures, since the powers of all agents meet in each receiver."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.algorithms.base.estimates import FEEDBACK
from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.live.party import Arrays, Clock, Hub, Parcel, RecordedRows, Welcome
from trainers.problems.wireless import WirelessProblem


class RoundResult(NamedTuple):
    """Result of a round for the agents of a shard, and what they see in the next one."""

    first: int
    """the round in which their last powers were on the air first"""
    newest: int
    """the newest round, in which they were still; -1: no round is over"""
    utilities: NDArray[np.float32]
    """in the newest round, (measurements, agents)"""
    inputs: NDArray[np.float32]
    """policy inputs in the round after it, (groups, agents, slots, inputs)"""


class Radio(Hub):
    """Measures the powers that have been posted, round after round, and waits for nobody for long.

    A round is over once all shards have posted powers since the one before, or `patience` after the first of them has. An
    agent that is late stays on the air with its last powers. The first round alone waits for all.

    Args:
        learner: at its start, with one run and one variant, of a `WirelessProblem` on the CPU.
        owners: the shard of each agent, in order.
        iterations: rounds until the end.
        clock: seconds since the run began.
        patience: seconds.
        evaluate_every: rounds after which a solution is kept.
    """

    kind = "zeroth_order"

    def __init__(  # noqa: PLR0917  # one function builds it, with all it has
        self,
        learner: ZerothOrderLearner,
        owners: NDArray[np.intp],
        iterations: int,
        clock: Clock,
        patience: float = 0.002,
        evaluate_every: int = 100,
    ) -> None:
        shards, self._owners = int(owners.max()) + 1, np.asarray(owners, np.int64)
        super().__init__(shards, clock, evaluate_every)
        assert isinstance(learner.problem, WirelessProblem)
        self._problem, self._settings = learner.problem, learner.settings
        self._sets = FEEDBACK[learner.settings.feedback](learner.settings.directions, torch.zeros(1)).measurements
        bounds = np.searchsorted(owners, np.arange(shards + 1)).tolist()
        self._own = [slice(*two) for two in pairwise(bounds)]  # slices are quicker than lists of numbers
        self._iterations, self._patience = iterations, patience
        self._policies = learner.parameters[0, :, 0].numpy().copy()
        self._round = 0
        self._open, self._ahead = self._next(), None
        bands = self._problem.scenario.bands
        each = (bands,) if bands > 1 else ()
        self._on_air = np.zeros((self._sets, 1, 1, learner.settings.batch, *each, len(owners)), np.float32)
        self._posts = np.full(len(owners), -1)
        """Number of the post that each agent is on the air with."""
        self._bases = np.zeros(len(owners), np.int64)
        """The round whose inputs it has seen."""
        self._utilities = np.zeros((self._sets, len(owners)), np.float32)
        self._late, self._unheard = set(range(shards)), set(range(shards))
        """Shards that have not posted since the last round was over, and those that have not been told of it."""
        self._first = [0] * shards
        self._first_post: float | None = None
        self._joined = [False] * shards
        none, no_agents = np.zeros(0, np.int64), np.zeros((0, len(owners)), np.int64)
        self._rows = RecordedRows({"post": no_agents, "base": no_agents, "seconds": np.zeros(0)})
        self._updates = RecordedRows({"update_round": none, "update_agent": none, "update_heard": no_agents.astype(np.int32)})
        self._record = self._rows, self._updates
        self.ages = np.zeros(0, np.int64)
        self._keep()

    def _next(self) -> Any:
        """Slots of the next round that has none yet."""
        settings = self._settings
        return self._problem.slots_ahead(self._sets, settings.batch, settings.common_noise)

    def join(self, shard: int) -> Welcome:
        self._joined[shard] = True
        return super().join(shard)

    def _take(self, shard: int, parcel: Parcel) -> None:
        own = self._own[shard]
        self._on_air[:, 0, 0, ..., own] = parcel.content["powers"]
        self._posts[own], self._bases[own] = parcel.number, int(parcel.content["base"])
        self._policies[own] = parcel.snapshot["policies"]
        self._late.discard(shard)
        self._first[shard] = self._round
        self._joined[shard] = False
        if self._first_post is None:
            self._first_post = self.clock()
        self._updates.add(parcel.record)

    def act(self, *, patient: bool = True) -> float:
        """Measure, where the round is over.

        Args:
            patient: wait for who is late as long as is usual; False: not at all.

        Returns:
            Seconds until it may be.
        """
        if self._first_post is None or (self._late and self._round == 0):
            return 1.0
        left = self._patience - (self.clock() - self._first_post)
        if self._late and patient and left > 0:
            return left
        self._measure()
        return 1.0

    def _measure(self) -> None:
        if self.done:
            return
        utilities = self._problem.earned(torch.from_numpy(self._on_air), self._open)
        self._utilities = utilities[:, 0, 0].numpy().copy()
        columns = {"post": self._posts.copy()[None], "base": self._bases.copy()[None]}
        self._rows.add({**columns, "seconds": np.array([self.clock()])})
        self._round += 1
        self._open, self._ahead = self._ahead or self._next(), None
        self._late, self._unheard = set(range(len(self._own))), set(range(len(self._own)))
        self._first_post = None
        self._keep()

    def prepare(self) -> None:
        if self._ahead is None and not self._unheard:
            self._ahead = self._next()

    def ready(self, shard: int) -> bool:
        return self._joined[shard] or self._first[shard] < self._round

    def reply(self, shard: int) -> RoundResult:
        own = self._own[shard]
        self._unheard.discard(shard)
        inputs = self._open.inputs[:, 0, own, 0].numpy()
        return RoundResult(self._first[shard], self._round - 1, self._utilities[:, own], inputs)

    def _of_the_run(self) -> Arrays:
        return {"shard": self._owners}

    @property
    def iteration(self) -> int:
        return self._round

    @property
    def done(self) -> bool:
        return self._round >= self._iterations

    def solution(self) -> NDArray[Any]:
        """Policies of all agents as they posted them last, (agents, size)."""
        return self._policies


def tensor(values: NDArray[Any]) -> Tensor:
    """A tensor with a copy of some values."""
    return torch.from_numpy(np.array(values))
