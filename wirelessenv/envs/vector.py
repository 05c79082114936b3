"""The Gymnasium vector environment: many networks stepped as one batch of arrays."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from wirelessenv.arrays import Floats
from wirelessenv.config import ConfigError
from wirelessenv.envs.actions import Actions
from wirelessenv.envs.batch import Batch
from wirelessenv.envs.options import AScenario, Options, tells_options
from wirelessenv.envs.seeding import begin
from wirelessenv.envs.settings import Settings, not_drawn
from wirelessenv.sentences import shown


class VectorPowerControlEnv(VectorEnv[Floats, NDArray[Any], NDArray[Any]]):
    """`num_envs` of `CentralPowerControlEnv` side by side: observations (E, m, size), actions (E, m), rewards (E,).

    Of M bands actions are (E, m, M). All episodes begin and end together. After the last slot either the next call of step
    begins the next episodes, whatever the actions (`autoreset_mode="NextStep"`, as Gymnasium does by default), or the same
    call does ("SameStep"): then infos["final_obs"] (E, m, size) and infos["final_info"] hold what the finished episodes ended
    with. `reset(seed=s)` gives the environments the seeds s, s + 1, ..., as Gymnasium does, `reset(seed=[...])` those of the
    list. A reward is the mean of the agents'; infos["rewards"] (E, m) are theirs.
    """

    @tells_options
    def __init__(
        self,
        num_envs: int = 1,
        scenario: AScenario = "dense",
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: None = None,
        **options: Unpack[Options],
    ) -> None:
        self.settings = Settings.of(scenario, options, "num_envs", "autoreset_mode", "render_mode")
        not_drawn(render_mode)
        self.render_mode = None
        self._same_step = _mode(autoreset_mode) is AutoresetMode.SAME_STEP
        self.metadata = {"autoreset_mode": _mode(autoreset_mode)}
        self._batch, self._actions = Batch(self.settings, num_envs), Actions(self.settings)
        self.num_envs = self._batch.environments
        self.single_observation_space = self._batch.joint_observation_space()
        self.single_action_space = self._actions.joint_space(self._batch.agents)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Begin an episode in all environments.

        Args:
            seed: s for the seeds s, s + 1, ..., or one for each environment; None: the next episodes.
            options: Gymnasium's "reset_mask" must hold for all; others are not used.

        Returns:
            Observations (E, m, size), and infos with arrays (E, m).

        Raises:
            ConfigError: for seeds that are none, or options that cannot be used.
        """
        if isinstance(options, Mapping) and "reset_mask" in options:
            self._check_mask(options["reset_mask"])
        begin(self, self._batch, seed, options)
        return self._batch.observations(), self._infos()

    def step(self, actions: NDArray[Any]) -> tuple[Floats, NDArray[np.float64], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Use the actions in the current slot of every network, or begin the next episodes: see the class."""
        never = np.zeros(self.num_envs, bool)
        if self._batch.cycle < 0:
            raise RuntimeError("step: the episode was never begun: call reset() first")
        if self._batch.cycle >= self.settings.max_cycles:  # next-step autoreset
            self._batch.reset()
            return self._batch.observations(), np.zeros(self.num_envs), never, never.copy(), self._infos()
        meant = self._actions.of_array(actions, self.action_space.shape or (), self._batch.agents)
        rewards = np.add.reduce(self._batch.step(*meant), -1, dtype=np.float64) / self._batch.agents  # ndarray.mean is slower
        over = self._batch.cycle >= self.settings.max_cycles
        observations, infos = self._batch.observations(), self._infos()
        if over and self._same_step:
            infos = {"final_obs": observations, "_final_obs": ~never, "final_info": infos, "_final_info": ~never}
            self._batch.reset()
            observations, infos = self._batch.observations(), self._infos() | infos
        return observations, rewards, never, np.full(self.num_envs, over), infos

    def state(self) -> Floats:
        """The coming slots' gains |h|^2, [receiver, transmitter], flattened to (E, m * m), of M bands (E, M * m * m)."""
        return self._batch.state()

    def render(self) -> None:
        """Nothing: only single environments are drawn."""

    def _check_mask(self, mask: Any) -> None:
        """Raises ConfigError unless it says, with an array of truth values, that all environments are reset."""
        if not (isinstance(mask, np.ndarray) and mask.dtype == bool and mask.shape == (self.num_envs,)):
            right = f"it should be an array of {self.num_envs} truth values"
        elif not mask.all():
            right = 'episodes begin and end together here; with vectorization_mode="sync" or "async" each by itself'
        else:
            return
        raise ConfigError(f"reset_mask: {shown(mask)} is not valid: {right}")

    def _infos(self) -> dict[str, Any]:
        told: dict[str, Any] = self._batch.infos() | {"rewards": self._batch.rewards()}
        nobody = np.zeros(self.num_envs, bool)  # ~nobody: a third of the time of np.ones, and one is needed for each name
        return told | {f"_{name}": ~nobody for name in told}


def _mode(mode: AutoresetMode | str) -> AutoresetMode:
    """Raises ConfigError where it is not one of the two."""
    try:
        found = AutoresetMode(mode)
    except ValueError:
        found = AutoresetMode.DISABLED
    if found is AutoresetMode.DISABLED:
        right = '"NextStep" or "SameStep"'
        raise ConfigError(f"autoreset_mode: {shown(mode)} is not valid: it should be {right} (all episodes end together)")
    return found
