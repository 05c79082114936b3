"""Rows of the data that belong to each client, in the forms in which users give them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from wirelessenv.config import ConfigError
from wirelessenv.sentences import shown


def client_rows(clients: Any, count: int) -> list[NDArray[np.intp]]:
    """Numbers of each client's rows, of `count` rows in all; a row may belong to several, or count more than once.

    Args:
        clients: for each client the numbers of its rows (a list, range, tuple, array or tensor of whole numbers, 0 to
            count - 1) or a mask of `count` truth values; or a mapping to these, from 0 ... n - 1 or from names, which count
            in their order. None: one client has all rows.
        count: N.

    Returns:
        An array of row numbers for each client.

    Raises:
        ConfigError: for anything else; one sentence.

    >>> client_rows({"left": range(2), "right": [False, False, True]}, 3)
    [array([0, 1]), array([2])]
    """
    if clients is None:
        return [np.arange(count)]
    named = _named(clients)
    if not named:
        raise ConfigError("clients: an empty list is not valid: give the rows of at least one client")
    return [_rows(name, own, count) for name, own in named]


def _named(clients: Any) -> list[tuple[Any, Any]]:
    """Rows as given for each client, with the name that an error gives it."""
    if not isinstance(clients, Mapping):
        try:
            return list(enumerate([] if isinstance(clients, str | bytes) else clients))
        except TypeError:
            raise ConfigError(f"clients: {shown(clients)} is not valid: give the rows of each client") from None
    numbers = [key for key in clients if isinstance(key, int | np.integer)]
    if numbers and (len(numbers) != len(clients) or sorted(numbers) != list(range(len(numbers)))):
        raise ConfigError(f"clients: keys {shown(list(clients))} are not valid: those that are numbers should be 0 to n - 1")
    return sorted(clients.items()) if numbers else list(clients.items())


def _rows(client: Any, given: Any, count: int) -> NDArray[np.intp]:
    def refused(right: str) -> ConfigError:
        return ConfigError(f"clients: {shown(given)} of client {shown(client)} is not valid: {right}")

    own = given.detach().cpu() if isinstance(given, Tensor) else given
    own = own.tolist() if isinstance(own, np.ndarray) and own.dtype == object else own
    try:
        rows = np.asarray(own)
    except (TypeError, ValueError, OverflowError):
        raise refused("its rows should be a flat list of whole numbers, or a mask") from None
    if rows.ndim != 1:
        raise refused("its rows should be a flat list of whole numbers, or a mask")
    is_mask = rows.dtype == bool
    if is_mask:
        if len(rows) != count:
            raise refused(f"a mask of {len(rows)} should have {count} truth values, one for each row")
        rows = np.flatnonzero(rows)
    if not rows.size:
        raise refused("a client needs at least one row")
    mixed = not is_mask and isinstance(own, list | tuple) and any(isinstance(row, bool | np.bool_) for row in own)
    if rows.dtype.kind not in "iu" or mixed:
        raise refused(f"rows are whole numbers, or a mask of {count} truth values")
    if rows.min() < 0 or rows.max() >= count:
        raise refused(f"row {rows.min() if rows.min() < 0 else rows.max()} should be 0 to {count - 1}")
    return rows.astype(np.intp)
