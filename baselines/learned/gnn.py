"""A graph neural network whose nodes are pairs and whose edges are interference, in the manner of IGCNet and WCGCN."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.allocators import delayed
from baselines.comparison.methods import NeededKnowledge
from baselines.learned.central import Central, CentralNetwork
from trainers.problems.policies import Width
from wirelessenv.arrays import Doubles
from wirelessenv.config import Count, CountOrZero
from wirelessenv.layout import Layout
from wirelessenv.network import Block
from wirelessenv.per_agent import beside
from wirelessenv.scenario import Scenario


class InterferenceGraphNetwork(CentralNetwork):
    """Message passing on the complete graph of pairs (Shen et al., 2021), the same for any number of pairs.

    With x_ij = ln(1 + g_ij p_max / noise), standardised, and edges e_ij = (x_ij, x_ji, x_ii, x_jj):
    h_i^0 = relu(W x_ii + b); m_ij = relu(W' h_j + W'' e_ij + b'); h_i <- h_i + MLP(h_i, max_j m_ij, mean_j m_ij), j != i;
    p_i / p_max = sigmoid(w h_i^L + b). Permuting the pairs permutes the powers.
    """

    def __init__(self, snr: float | Doubles, hidden: int, layers: int) -> None:
        """`snr` is p_max / noise, of all links, or (m, m), [receiver, transmitter]."""
        super().__init__()
        self._snr = snr
        self.first = nn.Linear(1, hidden)
        self.of_node = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers))
        self.of_edge = nn.ModuleList(nn.Linear(4, hidden, bias=False) for _ in range(layers))
        self.update = nn.ModuleList(
            nn.Sequential(nn.Linear(3 * hidden, hidden), nn.ReLU(), nn.Linear(hidden, hidden)) for _ in range(layers)
        )
        self.last = nn.Linear(hidden, 1)
        self.register_buffer("scale", torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
        self.scale: Tensor
        """Mean and standard deviation of x_ii and of x_ij."""

    def _inputs(self, slots: Block) -> tuple[Tensor, Tensor]:
        """(x_ii (..., m), x_ij (..., m, m)), not yet standardised."""
        gain = torch.as_tensor(slots.gain)
        x = torch.log1p(gain * beside(self._snr, gain))
        return torch.diagonal(x, dim1=-2, dim2=-1), x

    def fit(self, slots: Block) -> None:
        own, x = self._inputs(slots)
        others = x[..., ~torch.eye(x.shape[-1], dtype=torch.bool)] if x.shape[-1] > 1 else own
        for row, values in zip(self.scale, (own, others), strict=True):
            row[0], row[1] = values.mean(), values.std(correction=min(1, values.numel() - 1)) + 1e-6

    def forward(self, slots: Block) -> Tensor:
        own, x = self._inputs(slots)
        own, x = ((values - mean) / std for values, (mean, std) in zip((own, x), self.scale, strict=True))
        others = (x, x.transpose(-1, -2), own[..., :, None].expand_as(x), own[..., None, :].expand_as(x))
        edges = torch.stack(others, dim=-1)
        itself = torch.eye(x.shape[-1], dtype=torch.bool)[..., None]
        nodes = torch.relu(self.first(own[..., None]))
        for of_node, of_edge, update in zip(self.of_node, self.of_edge, self.update, strict=True):
            messages = torch.relu(of_node(nodes)[..., None, :, :] + of_edge(edges)).masked_fill(itself, 0.0)
            nodes = nodes + update(torch.cat([nodes, messages.amax(-2), messages.mean(-2)], dim=-1))
        logits: Tensor = self.last(nodes)[..., 0]
        return logits


class GNN(Central):
    """The graph network, trained across layouts."""

    kind: Literal["gnn"] = "gnn"
    steps: Count = 3000
    hidden: Width = Field(32, description="numbers in a node and in a message")
    layers: Annotated[Count, Field(le=1000)] = Field(3, description="rounds of messages")
    delay: Annotated[CountOrZero, Field(le=1000)] = Field(
        0, description="slots between the gains it sees and its powers, in training, too"
    )

    @property
    def across(self) -> bool:
        return True

    @property
    def knows(self) -> NeededKnowledge:
        return "everything"

    @property
    def unheard(self) -> int:
        return self.delay

    @property
    def memory(self) -> int:
        return self.delay

    def see(self, scenario: Scenario, layouts: Sequence[Layout], block: Block, seed: int) -> Block:
        return replace(block, gain=delayed(block.gain, self.delay)) if self.delay else block

    def network(self, scenario: Scenario) -> CentralNetwork:
        return InterferenceGraphNetwork(scenario.snr(), self.hidden, self.layers)
