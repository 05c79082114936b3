"""PPO with a network of its own for each agent, all of them in one Stable-Baselines3 policy.

Rows of a `PowerControlVecEnv` are e m + i; `Numbered` shows each row its i, and the policy evaluates it with the parameters of
agent i. Minibatches mix the rows of all agents, and an agent gets gradients from its own rows alone.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.distributions import DiagGaussianDistribution, Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from torch import Tensor, nn

from wirelessenv.arrays import Floats


def numbered(rows: Floats, agents: int) -> Floats:
    """Rows with a last column: the number of the row's agent.

    Args:
        rows: (E m, size), those of an environment's m agents one after the other.
        agents: m.

    Returns:
        Rows (E m, size + 1), float32.
    """
    return np.column_stack([rows, np.arange(len(rows)) % agents]).astype(np.float32)


def numbered_space(space: Box, agents: int) -> Box:
    """The space of numbered rows.

    Args:
        space: of the rows without numbers.
        agents: m; numbers are 0 to m - 1.

    Returns:
        A space with one dimension more.
    """
    return Box(np.append(space.low, np.float32(0)), np.append(space.high, np.float32(agents - 1)))


class Numbered(VecEnvWrapper):
    """Appends its agent's number to every row."""

    def __init__(self, venv: VecEnv, agents: int) -> None:
        assert isinstance(venv.observation_space, Box)
        super().__init__(venv, numbered_space(venv.observation_space, agents))
        self._agents = agents

    def reset(self) -> Floats:
        return numbered(np.asarray(self.venv.reset()), self._agents)

    def step_wait(self) -> tuple[Floats, Floats, NDArray[np.bool_], list[dict[str, Any]]]:
        rows, rewards, over, infos = self.venv.step_wait()
        for row, info in enumerate(infos):
            if "terminal_observation" in info:
                info["terminal_observation"] = np.append(info["terminal_observation"], np.float32(row % self._agents))
        return numbered(np.asarray(rows), self._agents), rewards, over, infos


class Networks(nn.Module):
    """m fully connected networks with tanh between their layers, each with its own parameters.

    Weights (m, in, out) are orthogonal, of gain sqrt(2), the last layer's of `last_gain`; biases (m, 1, out) are 0: as
    Stable-Baselines3 begins.
    """

    def __init__(self, agents: int, sizes: list[int], last_gain: float) -> None:
        super().__init__()
        gains = [2**0.5] * (len(sizes) - 2) + [last_gain]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for (fan_in, fan_out), gain in zip(pairwise(sizes), gains, strict=True):
            drawn = [nn.init.orthogonal_(torch.empty(fan_out, fan_in), gain).T for _ in range(agents)]
            self.weights.append(nn.Parameter(torch.stack(drawn)))
            self.biases.append(nn.Parameter(torch.zeros(agents, 1, fan_out)))

    def forward(self, rows: Tensor, place: Tensor, most: int) -> Tensor:
        """Outputs of each row's own network.

        Args:
            rows: inputs, (rows, in).
            place: of every row in a table (m, most), flattened, by its agent.
            most: rows of the most frequent agent.

        Returns:
            Outputs (rows, out).
        """
        agents = len(self.weights[0])
        values = rows.new_zeros(agents * most, rows.shape[1]).index_copy(0, place, rows).view(agents, most, -1)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = torch.baddbmm(bias, values.tanh() if layer else values, weight)
        return values.flatten(0, 1)[place]


def places(agent: Tensor, agents: int) -> tuple[Tensor, int]:
    """Places of rows in a table (m, most), flattened, by their agents.

    Args:
        agent: number of each row's agent, (rows,).
        agents: m.

    Returns:
        (places (rows,), the number of rows of the most frequent agent).
    """
    count = agent.bincount(minlength=agents)
    order = agent.argsort(stable=True)
    within = torch.empty_like(agent)
    within[order] = torch.arange(len(agent)) - (count.cumsum(0) - count)[agent[order]]
    most = int(count.max())
    return agent * most + within, most


class PerAgentPolicy(ActorCriticPolicy):
    """Actor, critic and log standard deviation of each agent; the last column of an observation says whose row it is.

    Of continuous actions alone, Gaussian as in Stable-Baselines3's own policy.
    """

    def __init__(self, *args: Any, agents: int, **kwargs: Any) -> None:
        self._agents = agents
        super().__init__(*args, **kwargs)

    def _build(self, lr_schedule: Schedule) -> None:
        """Build m actors and m critics in place of one of each."""
        assert isinstance(self.net_arch, list)
        size = self.features_dim - 1
        self.actor = Networks(self._agents, [size, *self.net_arch, *self.action_space.shape], 0.01)  # type: ignore[misc]  # of a Box
        self.critic = Networks(self._agents, [size, *self.net_arch, 1], 1.0)
        self.log_std = nn.Parameter(torch.full((self._agents, *self.action_space.shape), self.log_std_init))  # type: ignore[misc]  # of a Box
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)  # type: ignore[call-arg]  # as Stable-Baselines3 has it

    def _sorted(self, obs: Any) -> tuple[Tensor, Tensor, Tensor, int]:
        agent = obs[:, -1].long()
        return obs[:, :-1], agent, *places(agent, self._agents)

    def forward(self, obs: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        distribution = self.get_distribution(obs)
        actions = distribution.get_actions(deterministic=deterministic)
        return actions, self.predict_values(obs), distribution.log_prob(actions)

    def evaluate_actions(self, obs: PyTorchObs, actions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        distribution = self.get_distribution(obs)
        return self.predict_values(obs), distribution.log_prob(actions), distribution.entropy()

    def get_distribution(self, obs: PyTorchObs) -> Distribution:
        rows, agent, *where = self._sorted(obs)
        assert isinstance(self.action_dist, DiagGaussianDistribution)
        return self.action_dist.proba_distribution(self.actor(rows, *where), self.log_std[agent])

    def predict_values(self, obs: PyTorchObs) -> Tensor:
        rows, _, *where = self._sorted(obs)
        values: Tensor = self.critic(rows, *where)
        return values


class PerAgentAdvantages(RolloutBuffer):
    """Normalises the advantages of each agent over its own rows, before minibatches are made of all."""

    def __init__(self, *args: Any, agents: int, **kwargs: Any) -> None:
        self._agents = agents
        super().__init__(*args, **kwargs)

    def compute_returns_and_advantage(self, last_values: Tensor, dones: NDArray[np.bool_]) -> None:
        super().compute_returns_and_advantage(last_values, dones)
        each = self.advantages.reshape(self.buffer_size, -1, self._agents)
        each -= each.mean((0, 1))
        each /= each.std((0, 1)) + 1e-8
