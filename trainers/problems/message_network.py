"""A policy of agents that talk: a graph neural network whose messages travel between neighbours, late and lossily."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

SIZE_OF_NODE, SIZE_OF_EDGE = 5, 4
"""Numbers that an agent sees of itself and of each neighbour; each further band adds two and two."""
MANY, NUMBERS_AT_ONCE = 1000, 2**23
"""Agents of a large network, and numbers in messages to some of them that are worked out at once where no gradient is taken."""


class Heard(NamedTuple):
    """All that the agents of some networks see and hear in consecutive slots: k places for neighbours, some of them empty."""

    nodes: Tensor
    """(networks, slots, m, 5): own channel and interference of pilots now; own channel, interference that arrives, and that the
    agent causes, on average over the fading. All as ln(1 + x / noise). Of M bands (networks, slots, m, 2 M + 3): the first two
    of each band."""
    edges: Tensor
    """(networks, slots, m, k, 4): loudness of the neighbour here now, and of the agent there, as it was told; both on average.

    All as ln(1 + x / noise). Of M bands (networks, slots, m, k, 2 M + 2), likewise."""
    neighbour: Tensor
    """(networks, m, k): numbers of the neighbours; of empty places -1."""
    said: Tensor
    """(networks, slots, m, k): slot in which the newest message that has arrived was sent; -1: none, or an empty place."""
    ages: Tensor
    """(networks, slots, m, k): slots since then; 0 where there is none."""

    def at_once(self) -> "Heard":
        """The same where all messages arrive in the slot in which they are sent."""
        slots = torch.arange(self.said.shape[1])[:, None, None].expand(self.said.shape)
        said = slots.where(self.neighbour[:, None] >= 0, -1) if (self.neighbour < 0).any() else slots
        return self._replace(said=said, ages=torch.zeros_like(self.ages))

    @property
    def there(self) -> Tensor:
        """Mark of messages that there are, (networks, slots, m, k)."""
        return self.said >= 0


class Affine(nn.Linear):
    """W x + b, of one network, or of several at once, where weights (rows, 1 or m, out, in) are put in place of its own.

    Row r of the inputs (rows, slots, m, ..., in) is then worked out with weights of row r, one for all its agents or for each.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # torch's name
        if self.weight.dim() == 2:
            return super().forward(input)
        rows, copies = self.weight.shape[:2]
        own = input.movedim(2, 1) if copies > 1 else input
        weight, flat = self.weight.flatten(0, 1).mT, own.reshape(rows * copies, -1, self.in_features)
        values = flat @ weight if self.bias is None else torch.baddbmm(self.bias.flatten(0, 1)[:, None], flat, weight)
        values = values.view(*own.shape[:-1], self.out_features)
        return values.movedim(1, 2) if copies > 1 else values


class MessageNetwork(nn.Module):
    """A shared network: every agent runs it on what it sees and hears, and sends `rounds` times `floats` numbers in a slot.

    With v_i the node, e_ij = (edge, ln(1 + age)) and N(i) the neighbours of which something was heard:
      1. h_i^0 = relu(A v_i + a)
      2. s_i^r = tanh(B_r h_i^(r-1) + b_r)                                           is sent
      3. m_ij^r = relu(C_r s_j^r + D_r e_ij + d_r), for j in N(i), s_j^r as old as it is
      4. h_i^r = h_i^(r-1) + MLP_r(h_i^(r-1), max_j m_ij^r, sum_j m_ij^r / 4)
      5. p_i / p_max = sigmoid(w h_i^R + w_0)
    Any number of agents and of neighbours; permuting agents permutes powers and messages. Of M bands line 5 has a logit for
    each.
    """

    def __init__(self, rounds: int, floats: int, hidden: int, bands: int = 1) -> None:
        super().__init__()
        self.rounds, self.floats = rounds, floats
        self._node, edge = SIZE_OF_NODE + 2 * (bands - 1), SIZE_OF_EDGE + 2 * (bands - 1)
        self.first = Affine(self._node, hidden)
        self.say = nn.ModuleList(Affine(hidden, floats) for _ in range(rounds))
        self.of_message = nn.ModuleList(Affine(floats, hidden, bias=False) for _ in range(rounds))
        self.of_edge = nn.ModuleList(Affine(edge + 1, hidden) for _ in range(rounds))
        self.update = nn.ModuleList(
            nn.Sequential(Affine(3 * hidden, hidden), nn.ReLU(), Affine(hidden, hidden)) for _ in range(rounds)
        )
        self.last = Affine(hidden, bands)
        self.register_buffer("scale", torch.tensor([[0.0, 1.0]]).repeat(self._node + edge, 1))
        self.scale: Tensor
        """Mean and standard deviation of every number of a node and of an edge."""

    def fit(self, heard: Heard) -> None:
        """Take the scale of the inputs from some slots, once, before training."""
        edges = heard.edges[heard.there]
        for row, values in zip(self.scale, (*heard.nodes.flatten(0, -2).T, *edges.T), strict=True):
            if values.numel():
                row[0], row[1] = values.mean(), values.std(correction=min(1, values.numel() - 1)) + 1e-6

    def run(self, heard: Heard, before: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """One pass over all slots.

        Args:
            heard: what agents see and hear.
            before: messages of every round, (networks, slots, m, floats), that travel; where not given, those of this pass.

        Returns:
            Logits of the shares of p_max, (networks, slots, m), of M bands (networks, slots, M, m), and the messages that
            agents send, of every round.
        """
        runs, slots, agents = heard.nodes.shape[:3]
        run = torch.arange(runs)[:, None, None, None]
        place = (run * slots + heard.said.clamp(min=0)) * agents + heard.neighbour[:, None].clamp(min=0)

        def arrived(number: int, sent: Tensor) -> Tensor:
            one = (sent if before is None else before[number]).flatten(0, 2)
            return one.index_select(0, place.flatten()).reshape(*place.shape, -1)  # indexing is slow to differentiate

        return self.decide(heard.nodes, heard.edges, heard.ages, heard.there, arrived)

    def decide(
        self, nodes: Tensor, edges: Tensor, ages: Tensor, there: Tensor, arrived: Callable[[int, Tensor], Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Choose powers and messages: lines 1 to 5.

        Args:
            nodes: (..., m, 5), see `Heard`.
            edges: (..., m, k, 4).
            ages: (..., m, k).
            there: mark of the neighbours of which something was heard, (..., m, k).
            arrived: the messages (..., m, k, floats) that are here, of a round and of what agents send in it (..., m, floats).

        Returns:
            Logits (..., m), of M bands (..., M, m), and the messages of every round.
        """
        mean, std = self.scale.T
        nodes = (nodes - mean[: self._node]) / std[: self._node]
        edges = (edges - mean[self._node :]) / std[self._node :]
        edges = torch.cat([edges, ages.log1p()[..., None]], dim=-1)
        hidden, sent = torch.relu(self.first(nodes)), []  # 1.
        for number in range(self.rounds):
            sent.append(torch.tanh(self.say[number](hidden)))  # 2.
            here = arrived(number, sent[number])
            numbers = here[..., :1].numel() * hidden.shape[-1]
            in_parts = hidden.shape[-2] > MANY and not torch.is_grad_enabled()
            parts = -(-numbers // NUMBERS_AT_ONCE) if in_parts else 1
            each = (one.tensor_split(parts, axis) for one, axis in ((hidden, -2), (here, -3), (edges, -3), (there, -2)))
            hidden = torch.cat([self._joined(number, *some) for some in zip(*each, strict=True)], dim=-2)
        logits: Tensor = self.last(hidden)  # 5.
        return logits[..., 0] if logits.shape[-1] == 1 else logits.transpose(-1, -2), sent

    def _joined(self, number: int, hidden: Tensor, here: Tensor, edges: Tensor, there: Tensor) -> Tensor:
        """Nodes (..., m, hidden) after a round, whose messages are here: lines 3 and 4."""
        heard = self.of_message[number](here) + self.of_edge[number](edges)
        messages = torch.relu(heard).masked_fill(~there[..., None], 0.0)  # 3.
        joined = torch.cat([hidden, messages.amax(-2), messages.sum(-2) / 4], dim=-1)
        after: Tensor = hidden + self.update[number](joined)  # 4.
        return after
