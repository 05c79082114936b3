"""wirelessenv: transmitters that share one channel, see little of it, and talk to few neighbours, late."""

from wirelessenv import command_line

command_line.begin()  # before what is slow

import gymnasium
import pettingzoo

from wirelessenv.config import ConfigError
from wirelessenv.messages.messaging import Messaging
from wirelessenv.network import Block, Layout, WirelessNetwork
from wirelessenv.presets import SCENARIOS
from wirelessenv.scenario import Scenario

__version__ = "0.2.0"


def _register() -> None:
    """Tell Gymnasium, and PettingZoo from 1.27 on, the environment's names: one with all options, and one for each preset."""
    for name, options in {"": {}, **{f"-{preset}": {"scenario": preset} for preset in SCENARIOS}}.items():
        known = f"wirelessenv/PowerControl{name}-v0"
        gymnasium.register(
            id=known,
            entry_point="wirelessenv.envs.central:made",
            vector_entry_point="wirelessenv.envs.vector:VectorPowerControlEnv",
            kwargs=options,
        )
        if hasattr(pettingzoo, "register"):
            for form, made in (("parallel", "parallel_env"), ("aec", "env")):
                pettingzoo.register(form, known, f"wirelessenv.power_control_v0:{made}", kwargs=options)


_register()

__all__ = ["Block", "ConfigError", "Layout", "Messaging", "Scenario", "WirelessNetwork", "__version__"]
