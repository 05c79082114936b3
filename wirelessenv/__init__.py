"""wirelessenv: transmitters that share one channel, see little of it, and talk to few neighbours, late."""

from wirelessenv import command_line

command_line.begin()  # before what is slow

import gymnasium
import pettingzoo

from wirelessenv.config import ConfigError
from wirelessenv.messages.messaging import Messaging
from wirelessenv.network import Block, Layout, WirelessNetwork
from wirelessenv.scenario import Scenario

__version__ = "0.2.0"
gymnasium.register(
    id="wirelessenv/PowerControl-v0",
    entry_point="wirelessenv.envs.central:made",
    vector_entry_point="wirelessenv.envs.vector:VectorPowerControlEnv",
)
if hasattr(pettingzoo, "register"):  # from pettingzoo 1.27 on
    pettingzoo.register("parallel", "wirelessenv/PowerControl-v0", "wirelessenv.power_control_v0:parallel_env")
    pettingzoo.register("aec", "wirelessenv/PowerControl-v0", "wirelessenv.power_control_v0:env")

__all__ = ["Block", "ConfigError", "Layout", "Messaging", "Scenario", "WirelessNetwork", "__version__"]
