"""The parts of a channel: placement, path loss and fading. numpy at set-up and block by block."""
