"""What a learner sees of a problem."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
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
        """How long a slot lasts; NaN where time has no unit."""

    def positions(self) -> Sequence[NDArray[np.float64]] | None:
        """Where the agents stand, (agents, 2) for each run, if they stand somewhere."""

    def measure(self, parameters: Tensor, batch: int, common_noise: bool) -> Tensor:
        """Mean utilities (2, runs, variants, agents) of two sets of policies, (2, runs, agents, variants, size).

        Each is measured over `batch` samples, the first set first. With `common_noise` the second set meets the same
        samples of the randomness as the first.
        """

    def evaluate(self, parameters: Tensor) -> NDArray[np.float64]:
        """Total utility (runs, variants) of policies (runs, agents, variants, size) on samples kept for evaluation."""

    def full_power_utility(self) -> NDArray[np.float64]:
        """Total utility (runs,) of full power on the same samples; NaN where there is no such thing."""

    def act(self, parameters: Tensor, observations: Any) -> Any:
        """Actions of one run's policies (agents, size) for observations, in the form in which they come."""

    def configuration(self) -> dict[str, Any]:
        """What `from_configuration` needs to build the problem again; empty where that is not possible."""

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
