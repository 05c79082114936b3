"""Values of messages: the numbers that agents send, late and lossily, as far as every agent has heard them."""

import numpy as np
from jaxtyping import Float, Float32, Int

from wirelessenv.messages.knowledge import UNKNOWN, Knowledge
from wirelessenv.messages.near_knowledge import NearKnowledge

LARGEST_CHUNK = 2**20
"""Table entries that are worked out at once, at the most."""


def own_order(agents: int) -> Int[np.ndarray, "m m"]:
    """[i, k] = (i + k) mod m: each agent's own order of all agents, itself first, so that agents may share a policy."""
    return (np.arange(agents)[:, None] + np.arange(agents)) % agents


class MessageChannel:
    """The newest numbers of other agents that every agent knows, for a batch of runs, and how old they are.

    `Knowledge` says whose numbers of which instant are known; the numbers themselves are kept here, as far back as
    somebody may still hear of them. Tables are [i, k]: what agent i knows of the agent at place k of its `own_order`; where
    agents hear of those near them alone, that order without the others, and empty places at the end.
    """

    def __init__(self, knowledge: Knowledge | NearKnowledge, size: int, *, most_instants: int = 32) -> None:
        """Begin with nothing that was said.

        Args:
            knowledge: of query times, at its beginning.
            size: numbers in a message.
            most_instants: that are worked out at once.
        """
        self.knowledge = knowledge
        if isinstance(knowledge, NearKnowledge):
            runs, agents, places = knowledge.shape
            steps = np.where(knowledge.there, (knowledge.who - np.arange(agents)[:, None]) % agents, agents)
            self._order = np.argsort(steps, axis=-1, kind="stable")
            who = np.where(knowledge.there, knowledge.who, -1)
        else:
            runs, agents, places = knowledge.links.shape
            self._order = own_order(agents)[None]
            who = np.arange(agents)[None, None]
        self.who: Int[np.ndarray, "_ m places"] = np.take_along_axis(who, self._order, -1)
        """Numbers of the agents of whom is known, (runs, m, places), or (1, m, m) of all; -1 in empty places."""
        self.values: Float32[np.ndarray, "runs m places size"] = np.zeros((runs, agents, places, size), np.float32)
        """The newest numbers that are known, (runs, m, places, size); 0 where none are."""
        self.ages: Float32[np.ndarray, "runs m places"] = np.full((runs, agents, places), -1, np.float32)
        """Instants since they were said, (runs, m, places): 0 for those of the last instant; -1 where none are known."""
        self.largest_age: Float32[np.ndarray, "runs m"] = np.full((runs, agents), -1, np.float32)
        """The largest of an agent's ages of others, (runs, m); -1 where it knows nothing of others."""
        self.mean_age: Float32[np.ndarray, "runs m"] = self.largest_age
        """The mean of those that are known."""
        self.time = 0
        """Instants so far."""
        self._at_once = max(1, min(most_instants, LARGEST_CHUNK // self.ages.size))
        self._sent = np.zeros((0, runs, agents, size), np.float32)
        self._sent_since = 0
        self._run = np.arange(runs)[:, None, None]

    def instant(self, numbers: Float[np.ndarray, "runs m size"]) -> None:
        """One instant of global time: agents that query put their `numbers` (runs, m, size) on the way."""
        place = self.time % self._at_once
        if place == 0:
            self._next_chunk()
        self._sent[self.time - self._sent_since] = numbers
        self.values = np.ascontiguousarray(self._sent[self._rows[place], self._run, self.who])  # for the same sums always
        self.ages, self.largest_age, self.mean_age = self._ages[place], self._largest[place], self._mean[place]
        if self._some_unknown:
            self.values[self.ages < 0] = 0
        self.time += 1

    def _next_chunk(self) -> None:
        """Work out who will know what in the next instants; forget what nobody can hear of any more."""
        since = self.knowledge.horizon()
        kept = self._sent[since - self._sent_since : self.time - self._sent_since]
        self._sent = np.concatenate([kept, np.zeros((self._at_once, *kept.shape[1:]), np.float32)])
        self._sent_since = since

        chunk = self.knowledge.steps(self._at_once)
        newest = np.take_along_axis(chunk.newest, self._order[None], -1)
        known = newest != UNKNOWN
        self._some_unknown = not known.all()
        self._rows = np.where(known, newest - since, 0)
        self._ages = np.where(known, chunk.times[:, None, None, None] - newest, -1).astype(np.float32)
        others, heard = self._ages[..., 1:], known[..., 1:]
        self._largest = others.max(-1, initial=-1)
        total, some = (others * heard).sum(-1), heard.sum(-1)
        self._mean = np.where(some > 0, total / np.maximum(some, 1), -1).astype(np.float32)
