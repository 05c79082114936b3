"""A policy on the aggregation sequence (Wang et al., 2022) or other observations of the coming slot, trained in one place."""

from typing import Literal, get_args

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.comparison.methods import BITS, NeededKnowledge
from baselines.learned.central import Central, CentralNetwork
from baselines.learned.seen import knowledge_for, sent_for
from trainers.problems.inputs import Inputs, SeenAtOnce
from trainers.problems.policies import Policies, PolicySettings, by_agents
from wirelessenv.config import Count
from wirelessenv.envs.observations import Aggregation
from wirelessenv.network import Block
from wirelessenv.scenario import Scenario

CONSTANT = 1e-4
"""A standard deviation that is smaller, relative to the mean, is rounding."""


class AggregationNetwork(CentralNetwork):
    """p_i / p_max = pi(theta, y_i), with one theta for all transmitters, or theta_i of their own; hops of y are standardised.

    Raw sequences grow by a factor of 10 a hop and more: sigmoids would saturate before anything is learned.
    """

    def __init__(self, scenario: Scenario, inputs: Inputs, settings: PolicySettings, own: bool) -> None:
        super().__init__()
        self._scenario, self._inputs = scenario, inputs
        size = inputs.size(scenario)
        self._policies = Policies(size, scenario.bands, 0.0, 1.0, settings)
        seed = int(torch.randint(2**31, ()))
        rows = self._policies.initial([seed], scenario.transmitters if own else 1)[0]
        self.parameters_of = nn.Parameter(rows)
        self.register_buffer("scale", torch.tensor([[0.0], [1.0]]).repeat(1, size))
        self.scale: Tensor
        """Mean and standard deviation of every input."""

    def fit(self, slots: Block) -> None:
        features = self._seen(slots).flatten(0, -2)
        mean, std = features.mean(0), features.std(0, correction=min(1, len(features) - 1))
        constant = std <= CONSTANT * mean.abs()  # hop 0 is the same everywhere
        self.scale[0], self.scale[1] = mean, torch.where(constant, torch.ones_like(std), std)

    def forward(self, slots: Block) -> Tensor:
        features = (self._seen(slots) - self.scale[0]) / self.scale[1]
        rows, size = len(self.parameters_of), features.shape[-1]
        inputs = features.reshape(-1, rows, size).transpose(0, 1)  # of one network for all: all agents are its inputs
        return by_agents(self._policies.logits(self.parameters_of, inputs), features.shape[:3])

    def _seen(self, slots: Block) -> Tensor:
        return torch.as_tensor(self._inputs.of_block(self._scenario, slots))


class AggregationPolicy(Central):
    """Policies on the inputs of the trainers' policies: one that learns across layouts, or one a transmitter on each layout."""

    kind: Literal["aggregation_policy"] = "aggregation_policy"
    with_bands = True
    steps: Count = 3000
    policies: Literal["shared", "own"] = "shared"
    policy: PolicySettings = Field(PolicySettings(), description="the trainers' own, so that they compare")
    observation: SeenAtOnce = Field((Aggregation(),), description="parts of the input, those of the coming slot alone")

    @property
    def across(self) -> bool:
        return self.policies == "shared"

    @property
    def knows(self) -> NeededKnowledge:
        known = {knowledge_for(part) for part in self.observation}
        return next(one for one in get_args(NeededKnowledge)[::-1] if one in known)  # the most that a part needs

    def bits(self, scenario: Scenario) -> float:
        return float(BITS * sum(sent_for(part, scenario) for part in self.observation))

    def network(self, scenario: Scenario) -> CentralNetwork:
        return AggregationNetwork(scenario, Inputs(observation=self.observation), self.policy, own=self.policies == "own")
