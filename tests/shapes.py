"""The run-time check of annotations, shapes of arrays included, for the import hook in conftest.py."""

from beartype import BeartypeConf, beartype

CHECKED = [
    "wirelessenv.channel.path_loss",
    "wirelessenv.messages.channel",
    "wirelessenv.physics.kernels",
    "wirelessenv.physics.rates",
    "wirelessenv.physics.aggregation",
    "wirelessenv.physics.utilities",
]
"""Modules whose every call is checked in the test run."""
check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int may stand where a float is asked for
