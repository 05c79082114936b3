"""The import `from trainers.async_bc import AsyncBC`, under which AsyncBC was published; it lives in trainers.algorithms."""

from trainers.algorithms.async_bc import AsyncBC

__all__ = ["AsyncBC"]
