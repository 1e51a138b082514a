"""Where n-grams of one order occur in a growing token array: exact, and 8 bytes an n-gram.

Each n-gram is kept as one integer, hash << 32 | place of its first occurrence, in sorted runs
each at least four times as large as the next. Adding a batch adds one run and now and
then merges, as a log-structured merge tree does; the hash only says where to look, and the
words at the place decide.
"""

import numpy as np

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_PLACE = np.uint64(0xFFFFFFFF)
_RATIO = 4


class NgramIndex:
    """The n-grams of one order in a token array that the caller owns and appends to."""

    def __init__(self, order: int) -> None:
        self._order = order
        self._runs: list[np.ndarray] = []

    def add(self, tokens: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Enter n-grams that the index lacks, and say where it has each from now on.

        Args:
            tokens: the caller's tokens; places: int64 [n], where the n-grams begin in them.

        Returns:
            int64 [n], the first of the places that hold the same n-gram.
        """
        found = np.full(len(places), -1)
        if not len(places):
            return found
        hashes = self._hash(tokens, places)
        self._push(tokens, np.sort(hashes << _HALF | places.astype(np.uint64)))
        while len(self._runs) > 1 and len(self._runs[-2]) < _RATIO * len(self._runs[-1]):
            last = self._runs.pop()
            merged = np.concatenate([self._runs.pop(), last])
            # The stable sort finds the two ascending runs and merges them in linear time.
            merged.sort(kind="stable")
            self._push(tokens, merged)
        self._find_in(self._runs[-1], tokens, tokens, places, hashes, np.argsort(hashes), found)
        return found

    def find(self, tokens: np.ndarray, queries: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Where the index has the n-grams that begin at `places` of `queries`.

        Args:
            tokens: the caller's tokens; queries: these or others; places: int64 [n].

        Returns:
            int64 [n], the places in `tokens`, -1 for an n-gram that the index lacks.
        """
        found = np.full(len(places), -1)
        hashes = self._hash(queries, places)
        # Ascending look-ups walk each run once, front to back.
        waiting = np.argsort(hashes)
        for run in self._runs:
            if not len(waiting):
                break
            self._find_in(run, tokens, queries, places, hashes, waiting, found)
            waiting = waiting[found[waiting] < 0]
        return found

    def _find_in(
        self,
        run: np.ndarray,
        tokens: np.ndarray,
        queries: np.ndarray,
        places: np.ndarray,
        hashes: np.ndarray,
        waiting: np.ndarray,
        found: np.ndarray,
    ) -> None:
        """Fill in `found` for those of the waiting queries that the run holds."""
        at = np.searchsorted(run, hashes[waiting] << _HALF)
        while len(waiting):
            entry = run.take(at, mode="clip")
            same_hash = np.flatnonzero((entry >> _HALF == hashes[waiting]) & (at < len(run)))
            at, waiting = at[same_hash], waiting[same_hash]
            there = (entry[same_hash] & _PLACE).view(np.int64)
            same = self._equal(tokens, there, queries, places[waiting])
            found[waiting[same]] = there[same]
            # Several n-grams can share a hash: look at the next entry too.
            at, waiting = at[~same] + 1, waiting[~same]

    def _push(self, tokens: np.ndarray, run: np.ndarray) -> None:
        """Append a sorted run, without entries that repeat the n-gram of the one before."""
        suspects = np.flatnonzero(run[1:] >> _HALF == run[:-1] >> _HALF)
        if len(suspects):
            there = (run & _PLACE).view(np.int64)
            repeats = self._equal(tokens, there[suspects], tokens, there[suspects + 1])
            kept = np.ones(len(run), bool)
            kept[suspects[repeats] + 1] = False
            run = run[kept]
        if len(run):
            self._runs.append(run)

    def _hash(self, tokens: np.ndarray, places: np.ndarray) -> np.ndarray:
        """32-bit hashes of the n-grams that begin at the places, as uint64 [n]."""
        mixed = tokens.take(places).astype(np.uint64)
        for offset in range(1, self._order):
            mixed = mixed * _MULTIPLIER + tokens.take(places + offset).astype(np.uint64)
        return mixed * _MULTIPLIER >> _HALF

    def _equal(
        self, tokens: np.ndarray, there: np.ndarray, others: np.ndarray, here: np.ndarray
    ) -> np.ndarray:
        equal = tokens.take(there) == others.take(here)
        for offset in range(1, self._order):
            equal &= tokens.take(there + offset) == others.take(here + offset)
        return equal
