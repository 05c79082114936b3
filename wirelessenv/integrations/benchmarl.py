"""BenchMARL: the environment as one of its tasks, which no registry has to know."""

from collections.abc import Callable
from typing import Any, Unpack

from wirelessenv.config import ConfigError
from wirelessenv.envs.options import AScenario, Options
from wirelessenv.envs.settings import Settings
from wirelessenv.extras import missing

try:
    from benchmarl.environments.common import TaskClass
    from torchrl.data import Composite
    from torchrl.envs import EnvBase
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] not in ("torch", "tensordict", "torchrl", "benchmarl"):
        raise
    raise ModuleNotFoundError(missing("wirelessenv.integrations.benchmarl", "benchmarl", "benchmarl")) from None

from wirelessenv.integrations.torchrl import GROUP, PowerControlTorchEnv


class PowerControlTask(TaskClass):  # type: ignore[misc]  # BenchMARL ships no types
    """A task for BenchMARL's `Experiment(task=...)`: many networks side by side, all agents in the group "tx".

    Without the option `actions` the algorithm has the choice: powers as numbers, or `levels` of them.

    Args:
        scenario: a preset's name, a mapping, or a Scenario.
        options: the other fields of `wirelessenv.envs.settings.Settings`, as in every form of the environment.

    Raises:
        ConfigError: for a value that cannot be used; the sentence names field, value and what would be right.
    """

    def __init__(self, scenario: AScenario = "dense", **options: Unpack[Options]) -> None:
        alone = {name: value for name, value in options.items() if name != "levels" or "actions" in options}
        self.settings = Settings.of(scenario, alone)  # levels have no effect on powers that are numbers
        super().__init__("power_control", {"scenario": scenario, **options})

    def get_env_fun(
        self, num_envs: int, continuous_actions: bool, seed: int | None, device: Any
    ) -> Callable[[], PowerControlTorchEnv]:
        """A function that makes the environment, as BenchMARL asks for it.

        Args:
            num_envs: networks.
            continuous_actions: whether actions are numbers.
            seed: of the networks.
            device: where tensors are handed out.

        Returns:
            The function, without arguments.
        """
        options = dict(self.config)
        if not continuous_actions:
            options["actions"] = "discrete"
        elif "actions" not in options:
            options.pop("levels", None)
        return lambda: PowerControlTorchEnv(num_envs, seed=seed, device=device, **options)

    def supports_continuous_actions(self) -> bool:
        """Tell that powers may be numbers, unless the options say that they are levels."""
        return self.settings.actions != "discrete"

    def supports_discrete_actions(self) -> bool:
        """Tell that powers may be levels, unless the options say otherwise, or have messages that are learned."""
        if self.settings.actions == "discrete":
            return True
        try:
            rest = {name: value for name, value in self.config.items() if name != "scenario"}
            Settings.of(self.config["scenario"], {**rest, "actions": "discrete"})
        except ConfigError:
            return False
        return "actions" not in self.config

    def max_steps(self, env: EnvBase) -> int:
        """The number of slots in an episode."""
        return self.settings.max_cycles

    def has_render(self, env: EnvBase) -> bool:
        """Tell that a batch of networks does not draw itself."""
        return False

    def group_map(self, env: EnvBase) -> dict[str, list[str]]:
        """The agents' names by group: one group."""
        return dict(env.group_map)

    def observation_spec(self, env: EnvBase) -> Composite:
        """The spec of all agents' observations."""
        seen = env.full_observation_spec_unbatched.clone()
        for name in set(seen[GROUP].keys()) - {"observation"}:
            del seen[GROUP][name]  # what transforms have added
        return seen

    def info_spec(self, env: EnvBase) -> None:
        """Nothing: rewards say what is logged."""

    def state_spec(self, env: EnvBase) -> None:
        """Nothing: critics see all agents' observations."""

    def action_spec(self, env: EnvBase) -> Composite:
        """The spec of all agents' actions."""
        return env.full_action_spec_unbatched

    def action_mask_spec(self, env: EnvBase) -> None:
        """Nothing: all actions are allowed."""

    @staticmethod
    def env_name() -> str:
        """The name under which BenchMARL files results."""
        return "wirelessenv"
