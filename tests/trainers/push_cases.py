"""Messagings of all sorts, and costs whose gradients are known, for the tests of the push-sum methods."""

import numpy as np
from hypothesis import strategies as st

from trainers.problems.objective import Objective
from wirelessenv import Messaging

WAKING = {"update": {"probability": 0.5, "longest_silence": 2}}
DELAY = {"kind": "uniform", "shortest": 1, "longest": 2}
LOSS = {"probability": 0.3, "longest_run": 1}
PAPER = Messaging(
    graph={"kind": "erdos_renyi", "probability": 0.15}, activity=WAKING, links={"delay": DELAY, "loss": LOSS}
)  # Toghani et al. (2023), Section 5; the laws are ours

probability = st.floats(0.2, 1)
chance = st.fixed_dictionaries({"probability": probability, "longest_silence": st.none() | st.integers(1, 4)})
graph = st.one_of(
    st.builds(lambda p: {"kind": "erdos_renyi", "probability": p}, st.floats(0.3, 0.9)),
    st.builds(lambda both: {"kind": "ring", "both_ways": both}, st.booleans()),
    st.just({"kind": "complete"}),
)


@st.composite
def messagings(draw):
    """Any graph, waking, sending, delay (also 0, and old messages overtaken by new ones) and loss."""
    shortest = draw(st.integers(0, 2))
    delay = {"kind": "uniform", "shortest": shortest, "longest": shortest + draw(st.integers(0, 3))}
    loss = {"probability": draw(st.floats(0, 0.9)), "longest_run": draw(st.none() | st.integers(1, 3))}
    return Messaging(
        graph=draw(graph),
        activity={"update": draw(chance), "transmit": draw(chance)},
        links={"delay": delay, "loss": loss},
        relay=False,
    )


class OneAxisEach(Objective):
    """f_i(z) = z_i: the gradient is the i-th unit vector everywhere, so that x counts every node's steps by itself."""

    def __init__(self, clients):
        self.clients = self.size = clients

    def gradient(self, clients, x, sample=None):
        return np.broadcast_to(np.eye(self.size)[clients], np.broadcast_shapes(x.shape, (self.clients, self.size)))

    def cost(self, clients, x, sample=None):
        return (x * np.eye(self.size)[clients]).sum(-1)
