"""A user's module and loss as one function of a flat vector, whatever else is done with the module in between.

Before each evaluation the parameters that the module has now are looked up and compared with those it had at first, and
their data are replaced by pieces of the flat vector; after it they get their own data back. Gradients are asked of these very
parameters and returned, so that nobody's `grad` is read or written.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from trainers.problems.objective import NumpyArray, Points
from wirelessenv.config import ConfigError

LossFunction = Callable[[Tensor, Tensor], Tensor]
FLOATS = (torch.float16, torch.float32, torch.float64)  # those that numpy has, too
_ALONE = threading.RLock()  # one evaluation at a time in a process: modules may share parameters


class Kind(NamedTuple):
    """Properties of a parameter that must not change between evaluations."""

    name: str
    shape: torch.Size
    dtype: torch.dtype
    device: torch.device
    learned: bool

    def __str__(self) -> str:
        type_ = str(self.dtype).removeprefix("torch.")
        return f"{type_} of shape {tuple(self.shape)} on {self.device}, {'learned' if self.learned else 'frozen'}"


class BoundModule:
    """loss(module(inputs; x), targets) for flat vectors x; the module's own parameters stay as they are.

    Args:
        module: the network.
        loss: of outputs and targets; one number.

    Raises:
        ConfigError: for a module that cannot be learned so.
    """

    def __init__(self, module: nn.Module, loss: LossFunction) -> None:
        if not isinstance(module, nn.Module):
            raise ConfigError(f"module: {type(module).__name__} is not valid: it should be a torch.nn.Module")
        self.module, self.loss = module, loss
        _refuse_what_draws(module)
        own = {id(one) for one in module.parameters()}
        for name, one in loss.named_parameters() if isinstance(loss, nn.Module) else ():
            if one.requires_grad and id(one) not in own:
                raise ConfigError(f"loss: its parameter {name} would not be learned: freeze it, or make it part of the module")
        try:
            self._kinds = _kinds(module.named_parameters())
        except RuntimeError as error:  # a lazy parameter has no shape
            raise ConfigError(f"module: is not valid: {_line(error)}") from None
        learned = [kind for kind in self._kinds if kind.learned]
        for kind in learned:
            if kind.device.type != "cpu" or kind.dtype not in FLOATS or kind.dtype != learned[0].dtype:
                raise ConfigError(f"module: {kind.name} is not valid: it is {kind}; one type of 16, 32 or 64 bits, on the CPU")
        if not sum(kind.shape.numel() for kind in learned):
            raise ConfigError("module: is not valid: it has no parameters to learn")
        self.learned = learned
        """The parameters that are learned, one after the other in x."""
        self.dtype = learned[0].dtype
        self.size = sum(kind.shape.numel() for kind in learned)
        """d"""
        self._modes: list[bool] | None = None
        self._lay_out()

    def check(self, inputs: Tensor, targets: Tensor) -> None:
        """Evaluate the cost on some rows, and refuse a module whose cost is not a function of x alone.

        Where the cost depends on the modes of the module's parts (training or evaluation), only the present modes may be used.

        Args:
            inputs: (rows, ...).
            targets: (rows, ...).

        Raises:
            ConfigError: where the cost is not one number, has no gradient, or draws random numbers.
        """
        parts = list(self.module.modules())
        modes = [part.training for part in parts]
        here, gradients = self._tried(inputs, targets)
        if all(one is None for one in gradients):
            raise ConfigError("module: is not valid: its cost depends on none of the parameters that are to be learned")
        try:
            self.module.train(not self.module.training)
            same = self._tried(inputs, targets)[0]
        except ConfigError:
            same = None
        finally:
            for part, mode in zip(parts, modes, strict=True):
                part.training = mode
        self._modes = None if same is not None and torch.equal(here.nan_to_num(), same.nan_to_num()) else modes

    def _tried(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """Cost and gradients at the module's own parameters."""
        buffers = {name: one.clone() for name, one in self.module.named_buffers()}
        random = torch.get_rng_state()
        try:
            with _ALONE, _differentiating():
                cost = self.cost(inputs, targets)
                gradients = _slopes(cost, self._parameters(), allow_unused=True)
            drawn = not torch.equal(random, torch.get_rng_state())
            moved = [name for name, one in self.module.named_buffers() if not _same(one, buffers[name])]
        finally:
            torch.set_rng_state(random)
            for name, one in self.module.named_buffers():
                one.data.copy_(buffers[name])
        if drawn or moved:
            what = "draws random numbers" if drawn else f"changes {moved[0]}"
            raise ConfigError(f"module: is not valid: it {what} as it computes, and a cost is a function of x alone")
        return cost.detach(), gradients

    def _parameters(self) -> list[nn.Parameter]:
        """The learned parameters, as the module has them now; raises ConfigError where they are others than at first."""
        named = list(self.module.named_parameters())
        now = _kinds(named)
        if now != self._kinds:
            before, after = ({kind.name: str(kind) for kind in kinds} for kinds in (self._kinds, now))
            name = next((name for name in before | after if before.get(name) != after.get(name)), "their order")
            raise ConfigError(
                f"module: its parameters are not those that the objective was made with ({name}: {before.get(name, 'none')}, "
                f"now {after.get(name, 'none')}): make a new objective of it"
            )
        if self._modes is not None and self._modes != [part.training for part in self.module.modules()]:
            raise ConfigError(
                "module: it was put into another mode (train or eval), and its cost differs there: make a new objective of it"
            )
        return [one for _, one in named if one.requires_grad]

    @contextmanager
    def bound(self) -> Iterator[tuple[NumpyArray, list[nn.Parameter]]]:
        """A vector (d,) to write x into, and the module's parameters, which hold what it holds until this is left."""
        with _ALONE, _differentiating():
            parameters = self._parameters()
            own = [parameter.data for parameter in parameters]
            try:
                for parameter, part in zip(parameters, self._parts, strict=True):
                    parameter.data = part
                yield self._point, parameters
            finally:
                for parameter, data in zip(parameters, own, strict=True):
                    parameter.data = data

    def set_parameters(self, x: Points) -> None:
        """Give the module's own parameters the values x (d,)."""
        with _ALONE, torch.no_grad():
            self._point[:] = x
            for parameter, part in zip(self._parameters(), self._parts, strict=True):
                parameter.copy_(part)

    def _lay_out(self) -> None:
        """Make room for a point: a vector (d,), and its pieces in the shapes of the parameters, on the same memory."""
        with torch.inference_mode(False):
            flat = torch.empty(self.size, dtype=self.dtype, device="cpu")
            pieces = torch.split(flat, [kind.shape.numel() for kind in self.learned])
            self._parts = [piece.view(kind.shape) for piece, kind in zip(pieces, self.learned, strict=True)]
        self._point: NumpyArray = flat.numpy()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_point", "_parts")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy has room of its own."""
        vars(self).update(state)
        self._lay_out()

    def cost(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch at the parameters that the module holds now.

        Args:
            inputs: (rows, ...).
            targets: (rows, ...).

        Returns:
            One number, with its graph where gradients are on.

        Raises:
            ConfigError: where the loss is not one number, or has no gradient in the parameters.
        """
        try:
            cost = self.loss(self.module(inputs), targets)
        except Exception as error:  # it is the user's code, which may raise anything
            raise ConfigError(f"module: it cannot be evaluated on these inputs and targets: {_line(error)}") from error
        if not isinstance(cost, Tensor) or cost.numel() != 1 or not cost.is_floating_point():
            shape = f"a tensor {tuple(cost.shape)} of {cost.dtype}" if isinstance(cost, Tensor) else type(cost).__name__
            raise ConfigError(f"loss: {shape} is not valid: it should be one number, a tensor of a floating-point type")
        if torch.is_grad_enabled() and not cost.requires_grad:
            raise ConfigError("loss: is not valid: it has no gradient in the module's parameters; see detach, item, no_grad")
        return cost

    def gradient(self, cost: Tensor, parameters: list[nn.Parameter], *, again: bool = False) -> Tensor:
        """Gradient of a cost in the bound parameters.

        Args:
            cost: of `cost`, within `bound`.
            parameters: those that `bound` gave.
            again: keep a graph of the gradient, so that it can be differentiated.

        Returns:
            (d,).

        Raises:
            ConfigError: where the module cannot be differentiated.
        """
        slopes = _slopes(cost, parameters, create_graph=again, materialize_grads=True)
        return torch.cat([slope.to_dense().reshape(-1) for slope in slopes])


@contextmanager
def _differentiating() -> Iterator[None]:
    """Gradients are on, whatever the caller has switched off."""
    with torch.inference_mode(False) if torch.is_inference_mode_enabled() else nullcontext(), torch.enable_grad():
        yield


def _slopes(cost: Tensor, parameters: list[nn.Parameter], **options: Any) -> tuple[Tensor, ...]:
    try:
        return torch.autograd.grad(cost, parameters, **options)
    except Exception as error:  # it may be the user's code
        raise ConfigError(f"module: it has no gradient: {_line(error)}") from error


def _kinds(named: Iterable[tuple[str, nn.Parameter]]) -> list[Kind]:
    return [Kind(name, one.shape, one.dtype, one.device, one.requires_grad) for name, one in named]


def _refuse_what_draws(module: nn.Module) -> None:
    for name, part in module.named_modules():
        if isinstance(part, nn.modules.dropout._DropoutNd | nn.modules.batchnorm._BatchNorm):
            raise ConfigError(f"module: {name or 'it'}, {type(part).__name__}, is not valid: a cost is a function of x alone")


def _same(one: Tensor, other: Tensor) -> bool:
    """True for two tensors of the same shape and values, where NaN equals NaN."""
    return bool(((one == other) | ((one != one) & (other != other))).all())  # noqa: PLR0124  # NaN, in any type


def _line(error: Exception) -> str:
    """An error in one line."""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said if len(said) <= 200 else said[:197] + '...'}"
