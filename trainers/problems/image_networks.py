"""The convolutional network that Tosi and Theobald (2023) refer to, and costs that are measured on some rows alone."""

from typing import Any

import numpy as np
from torch import nn

from trainers.problems.objective import PerPoint, Points
from trainers.problems.torch_loss import TorchObjective
from wirelessenv.config import ConfigError, whole

SMALLEST = 18
"""Pixels of a side that three unpadded convolutions with two poolings leave something of."""


def tutorial_cnn(channels: int, side: int, classes: int = 10) -> nn.Module:
    """Network of TensorFlow's tutorial on images: 3 x 3 convolutions to 32, 64 and 64 channels, and two linear layers.

    Relu follows each convolution and the first linear layer, of 64 units; 2 x 2 maximum pooling follows the first two
    convolutions, which are not padded, as in the tutorial; images of less than 18 pixels are padded by one at each.

    Source: Tosi and Theobald (2023), Section 5, reference 47 (www.tensorflow.org/tutorials/images/cnn).

    Args:
        channels: of an image.
        side: its height and width in pixels, at least 4.
        classes: outputs.

    Returns:
        A module from (batch, channels, side, side) to (batch, classes).

    Raises:
        ConfigError: where side is less than 4.
    """
    if side < 4:
        raise ConfigError(f"side: {side} is not valid: images are halved twice, so at least 4 is needed")
    padding = 0 if side >= SMALLEST else 1
    lost = 2 - 2 * padding  # pixels of a side, at each convolution
    left = ((side - lost) // 2 - lost) // 2 - lost
    return nn.Sequential(
        nn.Conv2d(channels, 32, 3, padding=padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3, padding=padding),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * left**2, 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )


class MeasuredOnSome(TorchObjective):
    """A torch network's cost, one client's, whose only measure is the mean loss of some rows, evenly spaced in the data.

    The exact cost and gradient of all rows would take longer than training does.

    Args:
        module: the network.
        inputs: as of `TorchObjective`.
        targets: as of `TorchObjective`.
        measured: the number of rows that are measured, all of them if there are fewer.
        **settings: loss, batch and summed, as of `TorchObjective`.

    Raises:
        ConfigError: for what `TorchObjective` refuses, or less than one row.
    """

    exact_is_cheap = False

    def __init__(self, module: nn.Module, inputs: Any, targets: Any, *, measured: int, **settings: Any) -> None:
        super().__init__(module, inputs, targets, **settings)
        count = min(whole("measured", measured), self.rows)
        self._measured = np.arange(count) * self.rows // count

    def measures(self, x: Points) -> dict[str, PerPoint]:
        """Mean cost of a row, of those that are measured."""
        return {"loss": self.cost(0, x, self._measured) / (len(self._measured) if self.summed else 1)}
