"""A batch of per-agent policies: small fully connected networks, each with its own parameters, evaluated together."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from wirelessenv.arrays import Doubles
from wirelessenv.config import Count, Model, Positive
from wirelessenv.memory import check_room, part
from wirelessenv.per_agent import beside
from wirelessenv.streams import stream

Width = Annotated[Count, Field(le=4096)]
"""Neurons of a layer."""


class PolicySettings(Model):
    """The shape of a policy; {K, 30, 30, 1} in Behmandpoor et al. (2024), Section VIII."""

    hidden: tuple[Width, ...] = Field((30, 30), description="neurons of the hidden layers")
    input_scale: Annotated[Positive, Field(le=1e15)] = Field(1.0, description="the inputs are multiplied with it")


class Policies:
    """Batch of networks pi(theta, y) = low + (high - low) sigmoid(W_L relu( ... relu(W_1 y + b_1) ... ) + b_L).

    Outputs z of one budget are high exp(z_b) / (1 + sum_c exp(z_c)) instead, what is left being the share of a logit 0; of one
    output that is the same. The parameters of a network are one row theta = (W_1, b_1, ..., W_L, b_L), W_l row-major [input,
    output].

    Args:
        inputs: numbers that a policy observes.
        outputs: numbers that it decides.
        low: smallest output, one for all or (outputs,).
        high: largest output; a numpy array (m,) of largest powers: outputs are shares of these, which `limited` makes powers.
        settings: of the hidden layers.
        budget: outputs add up to `high` at most, where `low` is 0.
    """

    def __init__(  # noqa: PLR0917  # the order that callers know; the last one is new
        self,
        inputs: int,
        outputs: int,
        low: float | Tensor,
        high: float | Tensor | Doubles,
        settings: PolicySettings | None = None,
        budget: bool = False,
    ) -> None:
        self.settings = settings or PolicySettings()
        self.inputs, self.outputs = inputs, outputs
        self._budget = budget and outputs > 1
        self._own = high if isinstance(high, np.ndarray) else None
        self._low, self._span = low, 1.0 if isinstance(high, np.ndarray) else high - low
        self._layers = list(pairwise((inputs, *self.settings.hidden, outputs)))
        self.size = sum(fan_in * fan_out + fan_out for fan_in, fan_out in self._layers)
        """n_i: number of parameters of one network."""
        self.width = inputs + sum(self.settings.hidden) + outputs
        """Numbers that one evaluation goes through."""
        self._parts = [size for fan_in, fan_out in self._layers for size in (fan_in * fan_out, fan_out)]

    def initial(self, seeds: Sequence[int], agents: int) -> Float[Tensor, "runs {agents} {self.size}"]:
        """Draw initial parameters, every entry uniform in +-1 / sqrt(fan in), each agent its own.

        Args:
            seeds: one for each run.
            agents: m.

        Returns:
            (runs, agents, size), float32.

        Raises:
            ConfigError: where they do not fit the memory.
        """
        hidden = ("policy.hidden (parameters)", self.size)
        check_room(part(28, ("seeds", len(seeds)), ("transmitters", agents), hidden))
        rows = np.empty((len(seeds), agents, self.size), np.float32)
        for row, seed in zip(rows, seeds, strict=True):
            rng, at = stream(seed, "initial policy"), 0
            for fan_in, fan_out in self._layers:
                size = fan_in * fan_out + fan_out
                row[:, at : at + size] = rng.uniform(-1, 1, (agents, size)) / np.sqrt(fan_in)
                at += size
        return torch.from_numpy(rows)

    def __call__(
        self, parameters: Float[Tensor, "networks {self.size}"], inputs: Float[Tensor, "networks batch {self.inputs}"]
    ) -> Float[Tensor, "networks batch {self.outputs}"]:
        """Evaluate each network on its own batch.

        Args:
            parameters: (networks, size).
            inputs: (networks, batch, inputs).

        Returns:
            (networks, batch, outputs), between low and high.
        """
        return self.bounded(self.logits(parameters, inputs))

    def bounded(self, logits: Float[Tensor, "*shape"], axis: int = -1) -> Float[Tensor, "*shape"]:
        """Outputs of logits, between low and high.

        Args:
            logits: of outputs.
            axis: of those that share one budget, where there is one.

        Returns:
            Outputs of the same shape.
        """
        if self._budget:
            return shares_of_budget(logits, axis) * self._span
        return logits.sigmoid().mul(self._span).add_(self._low)

    def limited(self, outputs: Float[Tensor, "*shape"], some: Any = slice(None)) -> Float[Tensor, "*shape"]:
        """Powers of outputs: outputs as they are, or, where largest powers are each agent's own, times these.

        Args:
            outputs: (..., agents).
            some: which of all agents these are.

        Returns:
            Powers of the same shape.
        """
        return outputs if self._own is None else outputs * beside(self._own[some], outputs)

    def logits(
        self, parameters: Float[Tensor, "networks {self.size}"], inputs: Float[Tensor, "networks batch {self.inputs}"]
    ) -> Float[Tensor, "networks batch {self.outputs}"]:
        """Outputs of the last layer, before the sigmoid.

        Args:
            parameters: (networks, size).
            inputs: (networks, batch, inputs).

        Returns:
            (networks, batch, outputs).
        """
        values = inputs if self.settings.input_scale == 1 else inputs * self.settings.input_scale
        parts = iter(parameters.split_with_sizes(self._parts, dim=1))
        for layer, (fan_in, fan_out) in enumerate(self._layers):
            weights, bias = next(parts).view(-1, fan_in, fan_out), next(parts).unsqueeze(1)
            if fan_out == 1:  # a matrix product with one column is slower than its definition
                values = (values * weights.transpose(1, 2)).sum(2, keepdim=True).add_(bias)
            else:
                values = torch.baddbmm(bias, values, weights)
            if layer < len(self._layers) - 1:
                values.relu_()
        return values


def shares_of_budget(logits: Float[Tensor, "*shape"], axis: int = -1) -> Float[Tensor, "*shape"]:
    """Shares exp(z_b) / (1 + sum_c exp(z_c)) of a budget, part of which may be left.

    Args:
        logits: z.
        axis: of the shares of one budget.

    Returns:
        Shares of the same shape, which add up to less than 1.
    """
    left = torch.zeros_like(logits.narrow(axis, 0, 1))
    return torch.cat([logits, left], dim=axis).softmax(axis).narrow(axis, 0, logits.shape[axis])


def by_agents(outputs: Float[Tensor, "policies rows outputs"], shape: tuple[int, ...]) -> Float[Tensor, "*shape"]:
    """Outputs of policies that serve agents in turn, as arrays over networks, slots and agents.

    Args:
        outputs: of one policy for all agents, or of m policies, each for its own agent.
        shape: (networks, slots, m).

    Returns:
        Outputs (networks, slots, m), or, where there are M > 1, (networks, slots, M, m).
    """
    found = outputs.transpose(0, 1).reshape(*shape, -1)
    return found[..., 0] if found.shape[-1] == 1 else found.transpose(-1, -2)
