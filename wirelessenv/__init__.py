"""wirelessenv: transmitters that share one channel, see little of it, and talk to few neighbours, late."""

from wirelessenv.config import ConfigError
from wirelessenv.network import Block, Layout, WirelessNetwork
from wirelessenv.scenario import Messaging, Scenario

__version__ = "0.1.0"
__all__ = ["Block", "ConfigError", "Layout", "Messaging", "Scenario", "WirelessNetwork", "__version__"]
