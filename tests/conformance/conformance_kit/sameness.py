"""Whether two things that environments hand out are the same, and spoiling what was handed out."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def same(one: Any, other: Any) -> bool:
    """Exact equality of nests of dicts, sequences, arrays, numbers and strings."""
    if isinstance(one, Mapping):
        return (
            isinstance(other, Mapping)
            and one.keys() == other.keys()
            and all(same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray) and one.ndim:
        alike = isinstance(other, np.ndarray) and one.dtype == other.dtype
        if one.dtype == object:
            return alike and same(one.tolist(), other.tolist())
        return alike and np.array_equal(one, other)
    return bool(one == other)


def row_of(batch: Any, row: int) -> Any:
    """One game's observation out of a batch: a dict or tuple of batches, a list, or an array."""
    if isinstance(batch, dict):
        return {key: row_of(part, row) for key, part in batch.items()}
    return batch[row]


def spoil(handed_out: Any) -> None:
    """Writes all over what an environment returned: it must belong to whoever got it."""
    if isinstance(handed_out, dict | list | tuple):
        for part in handed_out.values() if isinstance(handed_out, dict) else handed_out:
            spoil(part)
    if isinstance(handed_out, dict | list):
        handed_out.clear()
    elif isinstance(handed_out, np.ndarray):
        handed_out[...] = ~handed_out if handed_out.dtype == bool else 7
