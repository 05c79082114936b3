"""Stable-Baselines3: every agent of many networks is a row of one VecEnv, so that all agents share one policy."""

import time
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from gymnasium import Wrapper
from gymnasium.utils.seeding import np_random
from numpy.typing import NDArray

from wirelessenv.arrays import Floats
from wirelessenv.envs.actions import Actions
from wirelessenv.envs.batch import Batch
from wirelessenv.envs.options import AScenario, Options, tells_options
from wirelessenv.envs.settings import Settings, not_drawn
from wirelessenv.extras import missing
from wirelessenv.streams import run_seeds, stream

try:
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import VecEnv
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices
except ModuleNotFoundError as error:
    if error.name != "stable_baselines3":
        raise
    raise ModuleNotFoundError(missing("wirelessenv.integrations.sb3", "stable_baselines3", "sb3")) from None


class PowerControlVecEnv(VecEnv):
    """`num_envs` networks of m agents as num_envs * m rows: observations (rows, size), actions (rows, 1), rewards (rows,).

    Row e * m + i is agent i of network e. One Stable-Baselines3 time step is therefore an agent-step; `slots` counts what the
    networks have played, and `LogSlots` logs it.

    All episodes are truncated together, after `max_cycles` slots, and the next ones begin in the same step: the infos of that
    step hold "terminal_observation", what the row saw last, and "TimeLimit.truncated", by which Stable-Baselines3 adds the
    value of what would have followed, as is right for a task that has no end. They also hold "episode", the agent's return r,
    slots l and seconds t since this object was made, of which Stable-Baselines3 logs the means over the last
    `stats_window_size` rows; no VecMonitor is needed. The infos of other steps are empty.

    Args:
        num_envs: networks.
        scenario: a preset's name, a mapping, or a Scenario.
        seed: from it each network gets a seed of its own at the first reset, which no other seed gives to any network; or
            the seeds of the networks, a sequence; without it random ones. Further resets go on to their next episodes.
            `seed(s)`, which the seed of an algorithm also calls, begins anew at the next reset.
        render_mode: must be None: only single environments are drawn.
        options: the other fields of `wirelessenv.envs.settings.Settings`, as in every form of the environment;
            `max_episode_steps` is another name of `max_cycles`.

    Raises:
        ConfigError: for a value that cannot be used; the sentence names field, value and what would be right.
    """

    render_mode = None

    @tells_options
    def __init__(
        self,
        num_envs: int = 1,
        scenario: AScenario = "dense",
        seed: int | Sequence[int] | None = None,
        *,
        render_mode: None = None,
        **options: Unpack[Options],
    ) -> None:
        self.settings = Settings.of(scenario, options, "num_envs", "seed", "render_mode")
        not_drawn(render_mode)
        self.scenario, self.max_cycles = self.settings.scenario, self.settings.max_cycles
        self.slots = 0
        """Environment steps: slots that were played so far, in all networks together."""
        self._batch, self._actions = Batch(self.settings, num_envs), Actions(self.settings)
        self._shape = (self._batch.environments, self._batch.agents)
        self._made = time.perf_counter()
        super().__init__(self._shape[0] * self._shape[1], self._batch.observation_space(), self._actions.shared_space())
        self._returns = np.zeros(self.num_envs)
        self._next_seeds: Sequence[int] | None = None
        if seed is not None:
            self.seed(seed)

    def seed(self, seed: int | Sequence[int] | None = None) -> Sequence[int]:
        """Begin with other networks at the next reset.

        Seeds that follow each other are not theirs, as they are Gymnasium's: else two seeds would share all networks but one.

        Args:
            seed: from which each network gets its own, network e the same in any number of them; or those seeds, one for
                each network, which give the networks of the other forms' `reset(seed=)`; None: a random one.

        Returns:
            The seed of every row's network.

        Raises:
            ConfigError: where it is none of these.
        """
        given = run_seeds(int(np_random()[0].integers(2**32)) if seed is None else seed)
        if seed is None or isinstance(seed, int | np.integer):
            given = tuple(stream(given[0], "networks").integers(2**63, size=self._shape[0]).tolist())
        self._batch.check_seeds(given)
        self._next_seeds = given
        return [one for one in given for _ in range(self._shape[1])]

    def reset(self) -> Floats:
        """Begin an episode everywhere: the first of a new seed, or the next."""
        seeds, self._next_seeds = self._next_seeds, None
        return self._begin(seeds)

    def _begin(self, seeds: Sequence[int] | None = None) -> Floats:
        self._batch.reset(seeds)
        self._returns[:] = 0
        return self._observations()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions of all rows: (rows, 1), with learned messages (rows, 1 + size), with discrete actions (rows,).

        Of M bands there are M numbers for the one.
        """
        self._chosen = actions

    def step_wait(self) -> tuple[Floats, Floats, NDArray[np.bool_], list[dict[str, Any]]]:
        """Use them in the current slot, pay for it, and show the next one, or the first of the next episodes."""
        if self._batch.cycle < 0:
            raise RuntimeError("step: the episode was never begun: call reset() first")
        shape = (self.num_envs, *(self.action_space.shape or ()))
        paid = self._batch.step(*self._actions.of_array(self._chosen, shape, self._batch.agents))
        rewards = np.array(paid, np.float32).ravel()  # a copy: Stable-Baselines3 adds values to it
        self.slots += self._shape[0]
        self._returns += rewards
        observations, over = self._observations(), self._batch.cycle >= self.max_cycles
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if over:
            seconds = round(time.perf_counter() - self._made, 6)
            for info, last, total in zip(infos, observations, self._returns.tolist(), strict=True):
                info["terminal_observation"], info["TimeLimit.truncated"] = last, True
                info["episode"] = {"r": total, "l": self.max_cycles, "t": seconds}
            observations = self._begin()
        return observations, rewards, np.full(self.num_envs, over), infos

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute of this object, which all rows share.

        Args:
            attr_name: its name.
            indices: for which rows: numbers or None, all.

        Returns:
            Its value, once for each of the rows.
        """
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refuse to set anything: the environment is what its options say.

        Args:
            attr_name: the name of an attribute.
            value: not used.
            indices: not used.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(f"set_attr: {attr_name} cannot be set: make a new environment with other options")

    def env_method(self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any) -> list[Any]:
        """Call the method of this object once for all rows.

        Args:
            method_name: its name.
            method_args: its positional arguments.
            indices: for which rows: numbers or None, all.
            method_kwargs: its named arguments.

        Returns:
            Its result, once for each of the rows.
        """
        result = getattr(self, method_name)(*method_args, **method_kwargs)
        return [result for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type[Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None) -> list[bool]:
        """Tell that no row is wrapped by itself.

        Args:
            wrapper_class: not used.
            indices: for which rows: numbers or None, all.

        Returns:
            False, once for each of the rows.
        """
        return [False for _ in self._get_indices(indices)]

    def _observations(self) -> Floats:
        return self._batch.observations().reshape(self.num_envs, -1)


class LogSlots(BaseCallback):
    """Logs environment steps as time/slots, beside Stable-Baselines3's time/total_timesteps, which are agent-steps."""

    def _on_step(self) -> bool:
        self.logger.record("time/slots", self.training_env.get_attr("slots", 0)[0])
        return True
