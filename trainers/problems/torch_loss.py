"""Any torch module with a loss as an objective: its parameters are one flat vector, its gradient one too."""

from collections.abc import Callable, Iterator, Sequence
from math import prod, sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from trainers.problems.objective import Array, Clients, Objective
from wirelessenv.config import ConfigError

Loss = Callable[[Tensor, Tensor], Tensor]
EXACT = 1024  # rows evaluated at once, where all are used


class TorchObjective(Objective):
    """f_i(x) = loss(module(inputs; x), targets) over client i's rows; a sample is the numbers of `batch` rows.

    The module's parameters and their gradients are views of two flat arrays, so that a gradient costs what torch's own
    does, and one copy of x. Dropout and batch statistics would make it depend on more than x, and are refused. Weights of two
    axes and more are drawn by He et al.'s law, N(0, 2 / fan-in), elsewhere for each run, biases are 0, and what else there
    is (gains of layer norms) begins as the module has it. Parameters without a gradient stay as they are.

    Args:
        module: the network; its parameters are overwritten.
        inputs: (N, ...), in the module's precision.
        targets: (N, ...).
        clients: the rows of each client; one client with all of them where not given.
        loss: of outputs and targets, of a batch.
        batch: rows in a sample, drawn uniformly with replacement.
        summed: whether `loss` is a sum over the batch, not a mean: exact costs are then sums too.
    """

    def __init__(
        self,
        module: nn.Module,
        inputs: Array,
        targets: Array,
        clients: Sequence[NDArray[np.intp]] | None = None,
        *,
        loss: Loss = functional.cross_entropy,
        batch: int = 32,
        summed: bool = False,
    ) -> None:
        self._rows = [np.arange(len(inputs))] if clients is None else list(clients)
        if len(inputs) != len(targets) or not all(len(rows) for rows in self._rows) or batch < 1:
            counts = f"{len(inputs)} for {len(targets)} targets"
            raise ConfigError(f"inputs: {counts} are not valid: one for each target and a row for every client are needed")
        for name, part in module.named_modules():
            if isinstance(part, nn.modules.dropout._DropoutNd | nn.modules.batchnorm._BatchNorm):
                raise ConfigError(
                    f"module: {name or 'it'}, {type(part).__name__}, is not valid: a cost is a function of x alone"
                )
        self.module, self.loss, self.batch, self.summed = module, loss, batch, summed
        named = {name: one for name, one in module.named_parameters() if one.requires_grad}
        self._parameters = list(named.values())
        if not named:
            raise ConfigError("module: is not valid: it has no parameters to learn")
        self._inputs, self._targets = (_of_type(data, self._parameters[0].dtype) for data in (inputs, targets))
        self._first = [_first(name, one) for name, one in named.items()]
        self.clients, self.size = len(self._rows), sum(one.numel() for one in self._parameters)
        flat = torch.zeros(self.size, dtype=self._parameters[0].dtype)
        slopes = torch.zeros_like(flat)
        for parameter, part, slope in self._views(flat, slopes):
            parameter.data, parameter.grad = part, slope
        self._flat, self._slopes = flat.numpy(), slopes.numpy()

    def _views(self, *flats: Tensor) -> Iterator[tuple[nn.Parameter, Tensor, Tensor]]:
        begin = 0
        for parameter in self._parameters:
            first, second = (flat[begin : begin + parameter.numel()].view(parameter.shape) for flat in flats)
            yield parameter, first, second
            begin += parameter.numel()

    def starts(self, seeds: Sequence[int]) -> Array:
        """He et al.'s initial weights for each run, of the module's type."""
        return super().starts(seeds).astype(self._flat.dtype)

    def start(self, rng: np.random.Generator) -> Array:
        drawn = zip(self._parameters, self._first, strict=True)
        parts = [
            rng.normal(scale=sqrt(2 / prod(one.shape[1:])), size=one.numel()) if first is None else first
            for one, first in drawn
        ]
        return np.concatenate(parts)

    def draw(self, clients: Clients, rng: np.random.Generator) -> Array:
        """Numbers of `batch` rows of each client, (batch,) or (k, batch)."""
        if isinstance(clients, np.ndarray):
            return np.stack([self.draw(client, rng) for client in clients.tolist()])
        rows = self._rows[clients]
        return np.asarray(rows[(rng.random(self.batch) * len(rows)).astype(np.intp)])

    def gradient(self, clients: Clients, x: Array, sample: Array | None = None) -> Array:
        x = self._spread(clients, x)
        out = np.empty(x.shape, x.dtype)
        for place, client, rows in self._points(clients, x, sample):
            self._flat[:] = x[place]
            self._slopes[:] = 0.0
            for part, weight in self._batches(client, rows):
                cost = self.loss(self.module(self._inputs[part]), self._targets[part])
                torch.autograd.backward(cost if weight == 1 else weight * cost)
            out[place] = self._slopes
        return out

    def cost(self, clients: Clients, x: Array, sample: Array | None = None) -> Array:
        x = self._spread(clients, x)
        out = np.empty(x.shape[:-1])
        with torch.no_grad():
            for place, client, rows in self._points(clients, x, sample):
                self._flat[:] = x[place]
                parts = self._batches(client, rows)
                out[place] = sum(w * float(self.loss(self.module(self._inputs[p]), self._targets[p])) for p, w in parts)
        return out

    def hessian_product(self, clients: Clients, x: Array, vector: Array, sample: Array | None = None) -> Array:
        x, vector = np.broadcast_arrays(self._spread(clients, x), vector)
        out = np.zeros(x.shape, x.dtype)
        for place, client, rows in self._points(clients, x, sample):
            self._flat[:] = x[place]
            for part, weight in self._batches(client, rows):
                cost = self.loss(self.module(self._inputs[part]), self._targets[part])
                slopes = torch.autograd.grad(cost, self._parameters, create_graph=True)
                flat = torch.cat([slope.reshape(-1) for slope in slopes])
                products = torch.autograd.grad(flat @ torch.as_tensor(np.array(vector[place])), self._parameters)
                out[place] += weight * torch.cat([product.reshape(-1) for product in products]).numpy()
        return out

    def measures(self, x: Array) -> dict[str, Array]:
        """Cost, norm of the gradient, and `loss`, the mean cost of a row."""
        known = super().measures(x)
        rows = np.mean([len(rows) for rows in self._rows]) if self.summed else 1
        return known | {"loss": known["cost"] / rows}

    def _spread(self, clients: Clients, x: Array) -> Array:
        """A point for each of several clients."""
        if isinstance(clients, int) or x.shape[-2] == len(clients):
            return x
        return np.broadcast_to(x, (*x.shape[:-2], len(clients), self.size))

    def _points(self, clients: Clients, x: Array, sample: Array | None) -> Iterator[tuple[tuple[int, ...], int, Array | None]]:
        """Every point's place in x, its client and its rows; clients and samples belong to the axes before the last."""
        if x.ndim == 1 and isinstance(clients, int):
            yield (), clients, sample
            return
        samples = None if sample is None else np.broadcast_to(sample, (*x.shape[:-1], sample.shape[-1]))
        for place in np.ndindex(x.shape[:-1]):
            client = int(clients[place[-1]]) if isinstance(clients, np.ndarray) else clients
            yield place, client, None if samples is None else samples[place]

    def _batches(self, client: int, rows: Array | None) -> list[tuple[Tensor, float]]:
        """Rows to evaluate at once, and the weight of their loss."""
        if rows is not None:
            return [(torch.as_tensor(rows if rows.flags.writeable else rows.copy()), 1.0)]
        own = self._rows[client]
        parts = [own[start : start + EXACT] for start in range(0, len(own), EXACT)]
        return [(torch.as_tensor(part), 1.0 if self.summed else len(part) / len(own)) for part in parts]


def _of_type(data: Array, floats: torch.dtype) -> Tensor:
    """Numbers as torch's losses take them: floats of the module's type, whole numbers of 64 bits."""
    values = torch.as_tensor(data)
    if values.is_floating_point():
        return values.to(floats)
    return values if values.dtype == torch.bool else values.long()


def _first(name: str, parameter: Tensor) -> Array | None:
    """Where a parameter begins; None: it is drawn."""
    if parameter.ndim > 1:
        return None
    own = parameter.detach().cpu().numpy().astype(float).ravel()
    return np.zeros_like(own) if "bias" in name.rpartition(".")[2] else own


def small_cnn(channels: int, side: int, classes: int = 10, width: int = 8) -> nn.Module:
    """Two 3 x 3 convolutions with relu and 2 x 2 maximum pooling, and a linear layer; `side` a multiple of 4."""
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
