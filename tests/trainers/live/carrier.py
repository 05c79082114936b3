"""A carrier without processes: it delivers replies and messages in a random, seeded order, loses some, and kills shards."""

import numpy as np

from trainers.live.party import Inbox


class Time:
    """A clock that moves when it is told to."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


class Carrier:
    """Drives a hub and shards, one random event after the other.

    Args:
        hub: of the run, with `clock` as its clock.
        make: function that makes a shard of a number.
        seed: of the order.
        lose: probability that a message is lost.
        kill: probability that an event is the death of a shard.
        lame: shards that step rarely.
        prompt: probability that an event is the delivery of a message, where there is one.
        most: messages that an inbox holds.
    """

    def __init__(self, hub, make, seed, *, clock, lose=0.0, kill=0.0, lame=(), prompt=0.5, most=16):
        self.hub, self.make, self.clock = hub, make, clock
        self.spare = np.random.default_rng([seed, 1])
        self.rng, self.lose, self.kill, self.lame = np.random.default_rng(seed), lose, kill, lame
        self.prompt = prompt
        self.count, self.kills, self.most, self.dropped = len(hub.snapshots), 0, most, 0
        self.on_their_way, self.parties, self.replies, self.lives, self.inboxes = [], {}, {}, {}, {}
        for shard in range(self.count):
            self._begin(shard)

    def _begin(self, shard):
        self.dropped += self.inboxes[shard].dropped if shard in self.inboxes else 0
        welcome = self.hub.join(shard)
        self.parties[shard], self.inboxes[shard] = self.make(shard), Inbox(self.most)
        self.parties[shard].begin(welcome.snapshot)
        self.lives[shard], self.replies[shard] = welcome.life, [welcome.reply]

    def run(self, after_kill=lambda hub: None):
        while not self.hub.done:
            self.clock.seconds += self.rng.exponential(0.001)
            if self.rng.random() < self.kill:
                self._die(int(self.rng.integers(self.count)))
                after_kill(self.hub)
            elif self.on_their_way and self.rng.random() < self.prompt:
                self._deliver()
            else:
                self._step(int(self.rng.integers(self.count)))
            self.hub.act(patient=self.rng.random() < 0.9)
            for party in (self.hub, *self.parties.values()):
                if self.spare.random() < 0.5:
                    party.prepare()
        return self

    def _die(self, shard):
        """Between two steps; or in a step, with its parcel lost, taken, or on its way to a hub that takes it no more."""
        self.kills += 1
        moment, parcel = self.rng.integers(4), None
        if moment and self.replies[shard] is not None:
            parcel = self.parties[shard].step(self.replies[shard][0], self.inboxes[shard].take())
        if parcel is not None and moment == 1:
            self.hub.take(shard, self.lives[shard], parcel)
        late = self.lives[shard]
        self._begin(shard)
        if parcel is not None and moment == 2:
            self.hub.take(shard, late, parcel)

    def _deliver(self):
        receiver, message = self.on_their_way.pop(int(self.rng.integers(len(self.on_their_way))))
        if self.rng.random() >= self.lose:
            self.inboxes[receiver].put(message)

    def _step(self, shard):
        if self.replies[shard] is None and self.hub.ready(shard):
            self.replies[shard] = [self.hub.reply(shard)]
        if self.replies[shard] is None or (shard in self.lame and self.rng.random() < 0.95):
            return
        party = self.parties[shard]
        if party.pause > 0:
            return
        parcel = party.step(self.replies[shard][0], self.inboxes[shard].take())
        self.replies[shard] = None
        self.hub.take(shard, self.lives[shard], parcel)
        self.on_their_way += party.tell().items()
