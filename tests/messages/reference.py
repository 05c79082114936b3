"""Knowledge of everybody, simulated with one object a message and plain loops, from what ALGORITHMS.md says: slow.

Only the draws come from the package, from streams made anew: who queries, transmits, which message arrives, how late.
"""

from dataclasses import dataclass

import numpy as np

from wirelessenv.messages.activity import Trials
from wirelessenv.streams import stream


@dataclass
class Message:
    sender: int
    receiver: int
    arrives_at: int
    contents: dict[int, int]
    """Query time of each agent in it."""


class Simulation:
    def __init__(self, messaging, links, seed):
        count, activity = len(links), messaging.activity
        self.now = 0
        self.agents = range(count)
        self.messaging = messaging
        self.links = links
        self.query = Trials(activity.query, [seed], "query", (count,))
        self.update = Trials(activity.update, [seed], "update", (count,))
        self.transmit = Trials(activity.transmit, [seed], "transmit", (count, count))
        self.arrival = Trials(messaging.links.loss.arrival(), [seed], "loss", (count, count))
        self.delay_stream = stream(seed, "delay")
        self.knows: list[dict[int, int]] = [{} for _ in self.agents]
        self.under_way: list[Message] = []
        self.last_sent: dict[tuple[int, int], dict[int, int]] = {}

    def step(self):
        """One instant: (time, who queried, who updates, T, messages, entries, changed entries)."""
        queried = self.query.draw(1)[0, 0].tolist()
        for agent in self.agents:
            if queried[agent]:
                self.knows[agent][agent] = self.now
        departures = self.departures(queried)
        self.deliver([message for message in self.under_way if message.arrives_at == self.now])
        self.under_way = [message for message in self.under_way if message.arrives_at > self.now]
        counts = self.count([(i, j) for i, j, _ in departures])
        arriving = [(i, j, delay) for i, j, delay in departures if delay is not None and self.knows[i]]
        # Without delay: all at once, so that nobody passes on what arrives in the same instant.
        self.deliver([self.message(*departure) for departure in arriving if departure[2] == 0])
        # Later: what the sender holds at the end of this instant.
        self.under_way += [self.message(*departure) for departure in arriving if departure[2] > 0]
        table = [[self.knows[i].get(agent, -1) for agent in self.agents] for i in self.agents]
        self.now += 1
        return self.now - 1, queried, self.update.draw(1)[0, 0].tolist(), table, *counts

    def departures(self, queried):
        """(sender, receiver, delay or None where the message is lost) of every link that is used."""
        may_send = [[self.messaging.relay or queried[i] for _ in self.agents] for i in self.agents]
        transmits = self.transmit.draw(1, np.array(may_send)[None, None])[0, 0]
        used = np.zeros(transmits.shape, bool)
        for i in self.agents:
            for j in self.agents:
                used[i, j] = self.links[i][j] and transmits[i, j] and may_send[i][j]
        arrives = self.arrival.draw(1, used[None, None])[0, 0]
        delays = self.messaging.links.delay.draw([self.delay_stream], 1, len(self.agents))[0, 0]
        delays = np.broadcast_to(delays, used.shape)
        return [(i, j, int(delays[i, j]) if arrives[i, j] else None) for i, j in np.argwhere(used).tolist()]

    def message(self, sender, receiver, delay):
        return Message(sender, receiver, self.now + delay, self.contents(sender))

    def contents(self, sender):
        known = self.knows[sender]
        return dict(known) if self.messaging.relay else {sender: known[sender]}

    def deliver(self, messages):
        for message in messages:
            held = self.knows[message.receiver]
            for agent, time in message.contents.items():
                held[agent] = max(time, held.get(agent, -1))

    def count(self, used):
        """(messages, entries, entries that differ from the last message over the same link)."""
        messages = entries = changed = 0
        for i, j in used:
            if not self.knows[i]:
                continue
            contents, before = self.contents(i), self.last_sent.get((i, j), {})
            messages += 1
            entries += len(contents)
            changed += sum(before.get(agent) != time for agent, time in contents.items())
            self.last_sent[i, j] = contents
        return messages, entries, changed
