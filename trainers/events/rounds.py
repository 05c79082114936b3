"""Rounds of methods in which all nodes wait for each other, over links that delay and lose.

In a round each node works once and its message has to reach all its neighbours; a node that is awake sends it again, tick
after tick, until the round is over: nobody tells it what has arrived. The round ends, for all nodes at once, in the tick in
which the last message arrives and everybody has been awake; what is still on its way is thrown away. So a round takes 1 +
d ticks over links with delay d, and longer where nodes sleep or links lose.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.events.link_events import LinkEvents, Tick
from wirelessenv.saved_state import refuse_outside


class Rounds:
    """Ends of rounds, for all runs of a batch; they depend on nothing that is learned.

    Args:
        events: waking, sending and arriving.
    """

    def __init__(self, events: LinkEvents) -> None:
        nodes = events.out_degree.shape[1]
        self._events, self._run = events, events.receiver // nodes
        self._reached = np.zeros(len(events.receiver), bool)  # links over which this round's message has arrived
        self._worked = np.zeros(events.out_degree.shape, bool)
        self._begun = np.zeros(len(events.out_degree), np.int64)  # first tick of the round, of each run
        self._time = 0

    def over(self, tick: Tick) -> NDArray[np.intp]:
        """Numbers of the runs whose round ends in the next tick."""
        ago = self._events.delays[:, None]
        self._reached |= (tick.arriving & (self._time - ago >= self._begun[self._run])).any(0)
        self._worked |= tick.awake
        self._time += 1
        missing = np.bincount(self._run[~self._reached], minlength=len(self._begun))
        ended = np.flatnonzero(self._worked.all(1) & (missing == 0))
        if ended.size:
            self._begun[ended] = self._time
            self._worked[ended] = False
            self._reached &= ~np.isin(self._run, ended)
        return ended

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        names = ("_reached", "_worked", "_begun")
        return {"time": self._time, **{name: getattr(self, name).copy() for name in names}}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        refuse_outside("rounds.time", state["time"], 0)
        refuse_outside("rounds._begun", state["_begun"], 0, state["time"])
        self._time = state["time"]
        for name in ("_reached", "_worked", "_begun"):
            setattr(self, name, np.array(state[name]))
