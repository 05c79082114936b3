"""Words for arrays in annotations: `Float[Array, "*batch rx tx"]` is any array of floats, its last axes receiver, transmitter.

The test run checks these shapes at every call; outside it they cost nothing.
"""

from typing import Any

import numpy as np

Array = Any
"""A numpy array or a torch tensor: their common operations have no type of their own, and torch may not be installed."""
ArrayLike = Any
"""A list, numpy array or torch tensor from a caller, looked at before it is used."""
Floats = np.ndarray[tuple[Any, ...], np.dtype[np.float32]]
"""Numbers in single precision, as channels and environments have them."""
Doubles = np.ndarray[tuple[Any, ...], np.dtype[np.float64]]
"""Numbers in double precision, as allocators and statistics have them."""
