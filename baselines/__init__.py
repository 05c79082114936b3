"""Methods that learned power control is compared with, comparisons of them all, and `evaluate` for a policy of one's own."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from baselines.evaluation import Evaluated, evaluate

__all__ = ["Evaluated", "evaluate"]


def __getattr__(name: str) -> Any:
    """`evaluate` and its result, imported when they are asked for: allocators alone need none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("baselines.evaluation"), name)
