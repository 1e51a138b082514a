"""An append-only NumPy array whose appends cost constant time on average."""

import numpy as np
from numpy.typing import DTypeLike

# Capacity grows by a quarter: appends copy each item about five times in all, and at most a
# fifth of the memory is slack, which counts where a history has millions of entries.
_GROWTH = 1.25


class GrowingArray:
    """Rows of integers, [length, ...width], appended at the end and read as a plain array."""

    def __init__(self, dtype: DTypeLike, width: tuple[int, ...] = ()) -> None:
        self._data = np.zeros((0, *width), dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> np.ndarray:
        """A view of the rows; an append may leave earlier views behind."""
        return self._data[: self._length]

    def append(self, rows: np.ndarray) -> None:
        """Add rows of shape [n, ...width] at the end."""
        end = self._length + len(rows)
        self._reserve(end)
        self._data[self._length : end] = rows
        self._length = end

    def extend_to(self, length: int) -> None:
        """Lengthen to at least `length` rows, the new ones zero."""
        if length > self._length:
            self._reserve(length)
            self._data[self._length : length] = 0
            self._length = length

    def _reserve(self, length: int) -> None:
        if length > len(self._data):
            capacity = max(length, int(len(self._data) * _GROWTH))
            data = np.empty((capacity, *self._data.shape[1:]), self._data.dtype)
            data[: self._length] = self._data[: self._length]
            self._data = data
