"""Rewards of agents. A new one is a subclass of `Reward` with a kind of its own."""

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np

from wirelessenv.arrays import Floats
from wirelessenv.config import Piece
from wirelessenv.envs.moment import Moment


class Reward(Piece):
    """Base class of rewards: the pay of agents after a slot."""

    needs_utilities: ClassVar[bool] = False
    """True where it looks at utilities that agents have heard of."""

    @abstractmethod
    def pay(self, now: Moment) -> Floats:
        """The rewards for `now.last`, (E, m)."""


class Own(Reward):
    """The agent's own utility in the slot."""

    kind: Literal["own"] = "own"

    def pay(self, now: Moment) -> Floats:
        return now.last.utility


class Sum(Reward):
    """The team's mean utility in the slot, the same for all: (1/m) sum_i U_i."""

    kind: Literal["sum"] = "sum"

    def pay(self, now: Moment) -> Floats:
        return np.broadcast_to(now.last.utility.mean(-1, keepdims=True), now.last.utility.shape)


class Known(Reward):
    """The mean of the newest utilities that the agent has heard of, its own among them, however late; 0 before the first.

    This is what an agent of Behmandpoor et al. (2024) has to learn from.
    """

    kind: Literal["known"] = "known"
    needs_utilities = True

    def pay(self, now: Moment) -> Floats:
        assert now.known is not None
        assert now.ages is not None
        heard = now.ages >= 0
        return np.asarray((now.known[..., 0] * heard).sum(-1) / np.maximum(heard.sum(-1), 1), np.float32)
