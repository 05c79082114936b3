"""How a channel comes about: placement, path loss and fading. numpy at set-up and block by block."""
