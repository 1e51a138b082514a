"""Counters of a batch's texts, several in one float64, so that one addition adds to all of them.

A sparse matrix product adds up rows of float64 more than twice as fast as NumPy adds rows of
integers. A float64 holds whole numbers of 53 bits exactly, so its bits are divided up: each text
has a field as wide as its largest count needs.
"""

import numpy as np

_BITS = 53  # of a float64's whole numbers
_SHORT = 6  # bits: texts of up to 63 words, eight of them in 48 bits


class Counters:
    """How the counts of N texts lie in rows of float64.

    Attributes:
        columns: float64 numbers in a row.
        lanes: counters in a row, at least N; those after the N-th stay 0.
    """

    def __init__(self, texts: int, longest: int) -> None:
        """`longest` is the largest count."""
        self._bits = max(_SHORT, longest.bit_length())
        self._per_column = min(8, _BITS // self._bits)
        self._dtype = np.min_scalar_type(longest)
        self.columns = -(-texts // self._per_column)
        self.lanes = self.columns * self._per_column

    def ones(self, rows: np.ndarray, texts: np.ndarray, count: int) -> np.ndarray:
        """Rows with a 1 for each of some texts, float64 [count, columns].

        Args:
            rows, texts: int [n], which text has a 1 in which row; no pair comes twice.
            count: rows in all.
        """
        packed = np.zeros((count, self.columns))
        columns, fields = np.divmod(texts, self._per_column)
        np.add.at(packed, (rows, columns), np.ldexp(1.0, fields * self._bits))
        return packed

    def read(self, sums: np.ndarray) -> np.ndarray:
        """The counts in sums of such rows, float64 [R, columns]: unsigned integers [R, lanes]."""
        whole = sums.astype("<i8")
        if self._bits == _SHORT:
            # Eight fields of 6 bits, moved apart to 8: halves first, then quarters, then eighths.
            whole = (whole & 0xFFFFFF) | (whole >> 24 << 32)
            whole = (whole & 0xFFF00000FFF) | (whole & 0xFFF00000FFF000) << 4
            whole = (whole & 0x3F003F003F003F) | (whole & 0xFC00FC00FC00FC0) << 2
            return whole.view(np.uint8)
        counts = np.empty((*whole.shape, self._per_column), self._dtype)
        for field in range(self._per_column):
            counts[:, :, field] = whole >> (field * self._bits) & ((1 << self._bits) - 1)
        return counts.reshape(len(sums), self.lanes)
