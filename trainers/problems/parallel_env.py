"""Any PettingZoo parallel environment with Box spaces, stepped as it is: slow, and general."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from gymnasium.spaces import Box
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from trainers.problems.policies import Policies, PolicySettings
from trainers.problems.problem import Problem
from wirelessenv.config import ConfigError, whole
from wirelessenv.streams import run_seeds, stream

EnvironmentFactory = Callable[[], Any]


class ParallelEnvProblem(Problem):
    """Agents of any PettingZoo parallel environment with Box spaces; a query is `batch` steps or episodes.

    The utility of an agent is its mean reward a step (`sample="step"`), or its mean return an episode (`sample="episode"`).
    Every run and variant steps an environment of its own, seeded with the run's seed; when an episode ends, the environment's
    next one begins. Agents with different spaces share one network shape: inputs are padded with zeros, surplus outputs are
    not used.

    Args:
        make_environment: makes a new environment at each call.
        policy: shape of the policies.
        seed: the run's seed, or one for each run.
        sample: "step" or "episode".
        evaluation_samples: steps or episodes of an evaluation, in fresh environments.
        variants: settings that the learner trains side by side.

    Raises:
        ConfigError: where a space is not a bounded Box, or a setting is not valid.
    """

    device = "cpu"
    slot_seconds = float("nan")

    def __init__(
        self,
        make_environment: EnvironmentFactory,
        policy: PolicySettings | None = None,
        *,
        seed: int | Sequence[int] = 0,
        sample: Literal["step", "episode"] = "step",
        evaluation_samples: int = 20,
        variants: int = 1,
    ) -> None:
        if sample not in ("step", "episode"):
            raise ConfigError(f'sample: {sample!r} is not valid: it should be "step" or "episode"')
        self.seeds = run_seeds(seed)
        self._make, self._sample = make_environment, sample
        self._evaluation_samples, self._variants = whole("evaluation_samples", evaluation_samples), whole("variants", variants)
        if not callable(make_environment):
            raise ConfigError(
                f"make_environment: {type(make_environment).__name__} is not valid: it should be a function that makes a new "
                "environment at each call, such as a lambda"
            )
        first = make_environment()
        if not hasattr(first, "possible_agents"):
            raise ConfigError(
                f"make_environment: {type(first).__name__}, which it made, is not valid: it should be a ParallelEnv"
            )
        self._names = list(first.possible_agents)
        self.agents = len(self._names)
        observed = [_box(first, "observation_space", name) for name in self._names]
        acted = [_box(first, "action_space", name) for name in self._names]
        self._actions = {name: (space.shape, int(np.prod(space.shape))) for name, space in zip(self._names, acted, strict=True)}
        inputs, outputs = max(int(np.prod(s.shape)) for s in observed), max(size for _, size in self._actions.values())
        self.policies = Policies(inputs, outputs, 0.0, 1.0, policy)
        self._low, self._span = np.zeros((2, self.agents, outputs), np.float32)
        for row, space in enumerate(acted):
            size = int(np.prod(space.shape))
            self._low[row, :size] = space.low.ravel()
            self._span[row, :size] = (space.high - space.low).ravel()
        self._steps = np.zeros((len(self.seeds), variants), np.int64)
        self._cells = [(run, variant) for run in range(len(self.seeds)) for variant in range(variants)]
        self._environments = {cell: make_environment() for cell in self._cells}
        self._seen = {cell: self._environments[cell].reset(seed=self.seeds[cell[0]])[0] for cell in self._cells}

    @property
    def slots(self) -> NDArray[np.int64]:
        return self._steps

    def positions(self) -> None:
        return None

    def measure(
        self, parameters: Float[Tensor, "sets runs agents variants size"], batch: int, common_noise: bool
    ) -> Float[Tensor, "sets runs variants agents"]:
        if common_noise:
            raise ConfigError("common_noise: true is not valid: an environment cannot replay its randomness step by step")
        if parameters.shape[3] != self._variants:
            raise ConfigError(f"variants: {self._variants} is not valid: the learner has {parameters.shape[3]}")
        measured = [self._roll(one, batch, self._environments, self._seen, self._steps) for one in parameters]
        return torch.from_numpy(np.stack(measured).astype(np.float32))

    def evaluate(self, parameters: Float[Tensor, "runs agents variants size"]) -> NDArray[np.float64]:
        environments = {cell: self._make() for cell in self._cells}
        seeds = [int(stream(seed, "evaluation").integers(2**31)) for seed in self.seeds]
        seen = {cell: environments[cell].reset(seed=seeds[cell[0]])[0] for cell in self._cells}
        total = self._roll(parameters, self._evaluation_samples, environments, seen, np.zeros_like(self._steps)).sum(2)
        for environment in environments.values():
            environment.close()
        return np.asarray(total)

    def full_power_utility(self) -> NDArray[np.float64]:
        return np.full(len(self.seeds), np.nan)

    def _roll(
        self, parameters: Tensor, samples: int, environments: dict[Any, Any], seen: dict[Any, Any], steps: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Mean reward, or return, (runs, variants, agents) over `samples` steps, or episodes, of every environment."""
        runs, agents, variants, size = parameters.shape
        reward = np.zeros((runs, variants, agents))
        left = dict.fromkeys(self._cells, samples)
        while left:
            inputs = np.zeros((runs, agents, variants, self.policies.inputs), np.float32)
            for cell in left:
                for row, name in enumerate(self._names):
                    if name in seen[cell]:
                        value = np.ravel(seen[cell][name])
                        inputs[cell[0], row, cell[1], : len(value)] = value
            outputs = self.policies(parameters.reshape(-1, size), torch.from_numpy(inputs).view(-1, 1, self.policies.inputs))
            chosen = outputs.view(runs, agents, variants, -1).numpy()
            for run, variant in list(left):
                environment = environments[run, variant]
                actions = self._as_actions(chosen[run, :, variant], environment.agents)
                seen[run, variant], rewards, *_ = environment.step(actions)
                steps[run, variant] += 1
                reward[run, variant] += [float(rewards.get(name, 0.0)) for name in self._names]
                over = not environment.agents
                if over:
                    seen[run, variant], _ = environment.reset()
                left[run, variant] -= 1 if self._sample == "step" or over else 0
                if not left[run, variant]:
                    del left[run, variant]
        return np.asarray(reward / samples)

    def _as_actions(self, chosen: NDArray[np.float32], names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        scaled = self._low + self._span * chosen
        actions = {}
        for row, name in enumerate(self._names):
            if name in names:
                shape, size = self._actions[name]
                actions[name] = scaled[row, :size].reshape(shape)
        return actions

    def act(self, parameters: Float[Tensor, "agents size"], observations: Any) -> Any:
        """Actions of one run's policies in their environment.

        Args:
            parameters: (agents, size).
            observations: by the names of the agents that are there.

        Returns:
            Actions by agent, within the bounds of their spaces.
        """
        inputs = np.zeros((self.agents, 1, self.policies.inputs), np.float32)
        for row, name in enumerate(self._names):
            if name in observations:
                value = np.ravel(observations[name])
                inputs[row, 0, : len(value)] = value
        return self._as_actions(self.policies(parameters, torch.from_numpy(inputs))[:, 0].numpy(), list(observations))

    def configuration(self) -> dict[str, Any]:
        return {}

    def state(self) -> dict[str, Any]:
        """Return nothing: a foreign environment cannot be saved. A learner that is loaded goes on with the one it is given."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Do nothing: a foreign environment cannot be restored."""


def _box(environment: Any, kind: str, name: str) -> Box:
    space = getattr(environment, kind)(name)
    if not isinstance(space, Box):
        raise ConfigError(f"{kind} of {name}: {space} is not valid: the learner needs a Box")
    if kind == "action_space" and not space.is_bounded():
        raise ConfigError(f"{kind} of {name}: {space} is not valid: the learner needs finite bounds")
    return space
