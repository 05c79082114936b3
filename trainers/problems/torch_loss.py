"""Any torch module with a loss as an objective: its parameters are one flat vector, its gradient one too."""

from collections.abc import Iterator, Sequence
from math import prod, sqrt
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trainers.problems.bound_module import BoundModule, LossFunction
from trainers.problems.objective import Clients, NumpyArray, Objective, PerPoint, Points, Sample
from trainers.problems.shares import client_rows
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, whole
from wirelessenv.sentences import shown

EXACT = 1024  # rows evaluated at once, where all are used


class TorchObjective(Objective):
    """f_i(x) = loss(module(inputs; x), targets) over client i's rows; a sample is the numbers of `batch` rows.

    The module is used as a function: while x is evaluated its parameters hold x, afterwards they hold again what they held
    before, during training and after it; `set_parameters` gives it those that were learned. So several objectives and
    learners may share a module, and it may be saved, loaded, copied, shared or trained otherwise in between. Which parameters
    are learned (those with requires_grad), their names, shapes and types are settled here: where they have changed, an
    evaluation refuses.

    Dropout and batch statistics would make the gradient depend on more than x, and are refused. Weights of two axes and more
    are drawn by He et al.'s law, N(0, 2 / fan-in), elsewhere for each run, biases are 0, and what else there is (gains of
    layer norms) begins as the module has it. Parameters without a gradient, and buffers, are read as they stand.

    Args:
        module: the network, on the CPU.
        inputs: (N, ...); floating-point numbers are taken in the module's precision.
        targets: (N, ...).
        clients: the rows of each client, as `client_rows` takes them; one client with all of them where not given.
        loss: of outputs and targets, of a batch; one number.
        batch: rows in a sample, drawn uniformly with replacement.
        summed: `loss` is a sum over the batch, not a mean: exact costs are then sums too.

    Raises:
        ConfigError: for a module, data or clients that cannot be used; one sentence.
    """

    def __init__(
        self,
        module: nn.Module,
        inputs: Any,
        targets: Any,
        clients: Any = None,
        *,
        loss: LossFunction = functional.cross_entropy,
        batch: int = 32,
        summed: bool = False,
    ) -> None:
        self._bound = BoundModule(module, loss)
        with torch.inference_mode(False):
            self._inputs = _tensor("inputs", inputs, self._bound.dtype)
            self._targets = _tensor("targets", targets, self._bound.dtype)
        if not 0 < len(self._inputs) == len(self._targets):
            counts = f"{len(self._inputs)} for {len(self._targets)} targets"
            raise ConfigError(f"inputs: {counts} are not valid: one for each target is needed, and at least one")
        self._rows = client_rows(clients, len(self._inputs))
        self.batch, self.summed = whole("batch", batch), summed
        self.clients, self.size, self.rows = len(self._rows), self._bound.size, len(self._inputs)
        own = dict(module.named_parameters())
        self._first = [_first(kind.name, own[kind.name]) for kind in self._bound.learned]
        with torch.inference_mode(False):
            first = torch.from_numpy(self._rows[0][: self.batch])
            self._bound.check(self._inputs[first], self._targets[first])

    @property
    def module(self) -> nn.Module:
        """Network that the user has given."""
        return self._bound.module

    def set_parameters(self, x: Any) -> None:
        """Give the module's own parameters the values x (d,), as a learner's `solution` has them for a variant and a run.

        Raises:
            ConfigError: where x is not one flat vector of d numbers.
        """
        point = np.asarray(x.detach().cpu() if isinstance(x, Tensor) else x)
        if point.shape != (self.size,) or point.dtype.kind not in "fiu":
            raise ConfigError(f"x: an array {point.shape} of {point.dtype} is not valid: it should be {self.size} numbers")
        self._bound.set_parameters(point)

    def starts(self, seeds: Sequence[int]) -> Float[NumpyArray, "runs d"]:
        """He et al.'s initial weights for each run, of the module's type."""
        return super().starts(seeds).astype(str(self._bound.dtype).removeprefix("torch."))

    def start(self, rng: np.random.Generator) -> Float[NumpyArray, " d"]:
        drawn = zip(self._bound.learned, self._first, strict=True)
        parts = [
            rng.normal(scale=sqrt(2 / prod(one.shape[1:])), size=one.shape.numel()) if first is None else first
            for one, first in drawn
        ]
        return np.concatenate(parts)

    def draw(self, clients: Clients, rng: np.random.Generator) -> Sample:
        if isinstance(clients, np.ndarray):
            return np.stack([self.draw(client, rng) for client in clients.tolist()])
        rows = self._rows[clients]
        return np.asarray(rows[(rng.random(self.batch) * len(rows)).astype(np.intp)])

    def gradient(self, clients: Clients, x: Points, sample: Sample | None = None) -> Points:
        x = self._spread(clients, x)
        out = np.empty(x.shape, x.dtype)
        with self._bound.bound() as (point, parameters):
            for place, client, rows in self._points(clients, x, sample):
                point[:] = x[place]
                for part, cost in self._costs(client, rows):
                    slope = self._bound.gradient(cost, parameters).numpy()
                    out[place] = slope if part == 0 else out[place] + slope
        return out

    def cost(self, clients: Clients, x: Points, sample: Sample | None = None) -> PerPoint:
        x = self._spread(clients, x)
        out = np.empty(x.shape[:-1])
        with self._bound.bound() as (point, _), torch.no_grad():
            for place, client, rows in self._points(clients, x, sample):
                point[:] = x[place]
                out[place] = sum(float(cost) for _, cost in self._costs(client, rows))
        return out

    def hessian_product(self, clients: Clients, x: Points, vector: Points, sample: Sample | None = None) -> Points:
        x, vector = np.broadcast_arrays(self._spread(clients, x), vector)
        out = np.zeros(x.shape, x.dtype)
        with self._bound.bound() as (point, parameters):
            for place, client, rows in self._points(clients, x, sample):
                point[:] = x[place]
                along = torch.from_numpy(np.array(vector[place])).to(self._bound.dtype)
                for _, cost in self._costs(client, rows):
                    slopes = self._bound.gradient(cost, parameters, again=True)
                    if slopes.requires_grad:  # else the cost is linear, and bends nowhere
                        out[place] += self._bound.gradient(slopes @ along, parameters).numpy()
        return out

    def measures(self, x: Points) -> dict[str, PerPoint]:
        """Cost, norm of the gradient, and `loss`, the mean cost of a row."""
        known = super().measures(x)
        rows = np.mean([len(rows) for rows in self._rows]) if self.summed else 1
        return known | {"loss": known["cost"] / rows}

    def _spread(self, clients: Clients, x: Points) -> Points:
        """A point for each of several clients."""
        if isinstance(clients, int | np.integer) or x.shape[-2] == len(clients):
            return x
        return np.broadcast_to(x, (*x.shape[:-2], len(clients), self.size))

    def _points(
        self, clients: Clients, x: Points, sample: Sample | None
    ) -> Iterator[tuple[tuple[int, ...], int, NumpyArray | None]]:
        """Every point's place in x, its client and its rows; clients and samples belong to the axes before the last."""
        if x.ndim == 1 and isinstance(clients, int | np.integer):
            yield (), int(clients), sample
            return
        samples = None if sample is None else np.broadcast_to(sample, (*x.shape[:-1], sample.shape[-1]))
        for place in np.ndindex(x.shape[:-1]):
            client = int(clients[place[-1]] if isinstance(clients, np.ndarray) else clients)
            yield place, client, None if samples is None else samples[place]

    def _costs(self, client: int, rows: NumpyArray | None) -> Iterator[tuple[int, Tensor]]:
        """Costs whose sum is the client's, of rows that are evaluated at once, numbered."""
        for number, (part, weight) in enumerate(self._batches(client, rows)):
            cost = self._bound.cost(self._inputs[part], self._targets[part])
            yield number, cost if weight == 1 else weight * cost

    def _batches(self, client: int, rows: NumpyArray | None) -> list[tuple[Tensor, float]]:
        """Rows to evaluate at once, and the weight of their loss."""
        if rows is not None:
            return [(torch.from_numpy(rows if rows.flags.writeable else rows.copy()), 1.0)]
        own = self._rows[client]
        parts = [own[start : start + EXACT] for start in range(0, len(own), EXACT)]
        return [(torch.from_numpy(part), 1.0 if self.summed else len(part) / len(own)) for part in parts]


def _tensor(name: str, data: Any, floats: torch.dtype) -> Tensor:
    """Numbers as torch's losses take them: floats of the module's type, whole numbers of 64 bits."""
    if isinstance(data, Tensor):
        values = data.detach().cpu()
        values = values.clone() if values.is_inference() else values
    else:
        try:
            array = np.ascontiguousarray(data)
            array = array.astype(array.dtype.newbyteorder("="), copy=not array.flags.writeable)
            values = torch.from_numpy(array)
        except (TypeError, ValueError):
            raise ConfigError(f"{name}: {shown(data)} is not valid: it should be an array of numbers") from None
    if np.ndim(data) == 0 or values.is_complex():
        raise ConfigError(f"{name}: {shown(data)} is not valid: it should be an array of real numbers, one row or more")
    if values.is_floating_point():
        return values.to(floats)
    return values if values.dtype == torch.bool else values.long()


def _first(name: str, parameter: Tensor) -> Float[Doubles, " size"] | None:
    """Value at which a parameter begins; None where it is drawn."""
    if parameter.ndim > 1 and parameter.numel():
        return None
    own = parameter.detach().cpu().numpy().astype(float).ravel()
    return np.zeros_like(own) if "bias" in name.rpartition(".")[2] else own


def small_cnn(channels: int, side: int, classes: int = 10, width: int = 8) -> nn.Module:
    """Convolutional network for small images: two 3 x 3 convolutions with relu and 2 x 2 maximum pooling, and a linear layer.

    Args:
        channels: of an image.
        side: its height and width in pixels, a multiple of 4.
        classes: outputs.
        width: channels of the first convolution; the second has twice as many.

    Returns:
        A module from (batch, channels, side, side) to (batch, classes).

    Raises:
        ConfigError: where side is not a multiple of 4.
    """
    if side % 4:
        raise ConfigError(f"side: {side} is not valid: images are halved twice, so a multiple of 4 is needed")
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * width * (side // 4) ** 2, classes),
    )
