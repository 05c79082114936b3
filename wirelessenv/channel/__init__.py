"""The parts of a channel: placement, path loss, fading, and gains of a user's own. numpy at set-up and block by block."""

from wirelessenv.channel.paths import from_paths

__all__ = ["from_paths"]
