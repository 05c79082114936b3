"""Inputs of the policies of a wireless problem: the observation pieces of the environment, of many slots at once."""

from typing import Annotated, Any, Self

import numpy as np
from pydantic import AfterValidator

from wirelessenv.config import Model
from wirelessenv.envs.moment import Moment
from wirelessenv.envs.observations import Aggregation, Observation, seen_by
from wirelessenv.envs.settings import Observed
from wirelessenv.network import Block
from wirelessenv.scenario import Scenario


def _none_looks_back(observation: tuple[Observation, ...]) -> tuple[Observation, ...]:
    for part in observation:
        if part.looks_back:
            raise ValueError(
                f'"{part.dump()["kind"]}" is not valid: it looks at slots that are over, and all slots of a measurement are '
                "worked out at once; use aggregation, gain, or incoming or outgoing with source: pilots"
            )
    return observation


SeenAtOnce = Annotated[Observed, AfterValidator(_none_looks_back)]
"""Observation of parts that look at the coming slot alone."""


class Inputs(Model):
    """The parts that policy inputs are joined of; each looks at the coming slot alone."""

    observation: SeenAtOnce = (Aggregation(),)

    @classmethod
    def of(cls, observation: Any) -> Self:
        """The inputs of an observation: a kind, a mapping or a piece, or several of them.

        Raises:
            ConfigError: where it cannot be used.
        """
        return cls.parse({"observation": observation})

    @property
    def name(self) -> str:
        """Names of the parts, for a sentence."""
        return " and ".join(str(part.dump()["kind"]) for part in self.observation)

    def size(self, scenario: Scenario) -> int:
        """The number of values for each agent."""
        return sum(part.width(scenario) for part in self.observation)

    def of_block(self, scenario: Scenario, block: Block) -> Any:
        """Policy inputs in the slots of a block.

        Args:
            scenario: of the network.
            block: slots of every run.

        Returns:
            (runs, slots, m, inputs) float32, where the block is.
        """
        if self.observation == (Aggregation(),):
            return block.features
        if block.near is not None:
            slots = (
                Moment.without_past(scenario, block.gain[:, slot], block.features[:, slot], block.near)
                for slot in range(block.wanted.shape[1])
            )
            each = [np.concatenate(seen_by(self.observation, now), axis=-1) for now in slots]
            return np.stack(each, axis=1, dtype=np.float32)
        gain, features = (np.asarray(one if isinstance(one, np.ndarray) else one.cpu()) for one in (block.gain, block.features))
        now = Moment.without_past(scenario, gain.reshape(-1, *gain.shape[2:]), features.reshape(-1, *features.shape[2:]))
        seen = np.concatenate(seen_by(self.observation, now), axis=-1, dtype=np.float32)
        seen = seen.reshape(*features.shape[:3], -1)
        if isinstance(block.gain, np.ndarray):
            return seen
        import torch  # noqa: PLC0415  # blocks on a device are torch's

        return torch.as_tensor(seen, device=block.gain.device)
