"""Interface between message-passing learners and problems: agents with policies whose utilities can be measured."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from trainers.problems.policies import Policies


class Problem(Protocol):
    """Agents with policies whose utilities can be measured; a batch of runs, one for each seed.

    The variants of a learner (several settings trained side by side) share a run's channels. So parameters are
    (runs, agents, variants, size) everywhere, and utilities (runs, variants, agents).
    """

    seeds: tuple[int, ...]
    agents: int
    policies: Policies
    device: str

    @property
    def slots(self) -> NDArray[np.int64] | int:
        """Slots (environment steps) that `measure` has used so far: one number, or (runs, variants)."""

    @property
    def slot_seconds(self) -> float:
        """Length of a slot in seconds; NaN where time has no unit."""

    def positions(self) -> Sequence[NDArray[np.float64]] | None:
        """Positions of the agents in m, (agents, 2) for each run; None where they have none."""

    def measure(
        self, parameters: Float[Tensor, "sets runs agents variants size"], batch: int, common_noise: bool
    ) -> Float[Tensor, "sets runs variants agents"]:
        """Measure the mean utilities of some sets of policies, one set after the other; most learners give two.

        Args:
            parameters: (sets, runs, agents, variants, size).
            batch: samples that each set is measured over.
            common_noise: let all sets meet the same samples of the randomness.

        Returns:
            (sets, runs, variants, agents).

        Raises:
            ConfigError: where the problem cannot measure so.
        """

    def evaluate(self, parameters: Float[Tensor, "runs agents variants size"]) -> NDArray[np.float64]:
        """Total utility (runs, variants) of policies (runs, agents, variants, size) on samples kept for evaluation."""

    def full_power_utility(self) -> NDArray[np.float64]:
        """Total utility (runs,) of full power on the same samples; NaN where there is no such thing."""

    def act(self, parameters: Float[Tensor, "agents size"], observations: Any) -> Any:
        """Actions of one run's policies.

        Args:
            parameters: (agents, size).
            observations: of the agents, an array or a dict.

        Returns:
            Actions in the form in which the observations come.

        Raises:
            ConfigError: where the observations do not fit.
        """

    def configuration(self) -> dict[str, Any]:
        """Settings that build the problem again (`trainers.problems.saved.rebuilt`); empty where that is not possible."""

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
