"""Where n-grams of one order occur in a growing token array: exact, and 8 to 16 bytes an n-gram.

A hash table with open addressing, searched for a whole array of n-grams at a time. It holds
places alone: the words at a place decide whether it is the one looked for.
"""

import numpy as np

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: spreads successive keys
_HALF = np.uint64(32)
_SLOTS_PER_NGRAM = 3
_FEWEST_SLOTS = 64


class NgramIndex:
    """The n-grams of one order in a token array that the caller owns and appends to.

    The array may have up to 2**31 tokens.
    """

    def __init__(self, order: int) -> None:
        self._order = order
        self._count = 0
        # place + 1 of an n-gram, 0 where there is none; the number of slots is a power of two.
        self._slots = np.zeros(_FEWEST_SLOTS, np.int32)

    def add(self, tokens: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Enter the n-grams that the index lacks, and say where it has each from now on.

        Args:
            tokens: the caller's tokens; places: int64 [n], where the n-grams begin in them,
                none of them entered before.

        Returns:
            int64 [n], for each the one place at which the index has that n-gram.
        """
        self._grow(tokens, self._count + len(places))
        found = places.copy()
        slots, waiting, tries = self._first_slots(tokens, places), np.arange(len(places)), 0
        while len(waiting):
            own = places.take(waiting)
            entries = self._slots.take(slots)
            empty = np.flatnonzero(entries == 0)
            if len(empty):
                # Several may take one slot; which of them has it, a second look tells.
                self._slots[slots[empty]] = own[empty] + 1
                entries = self._slots.take(slots)
            taken = np.flatnonzero(entries != own + 1)
            self._count += len(waiting) - len(taken)
            slots, waiting = slots[taken], waiting[taken]
            there = entries[taken].astype(np.int64) - 1
            same = self._equal(tokens, there, tokens, own[taken])
            found[waiting[same]] = there[same]
            tries += 1
            slots, waiting = self._next_slots(slots[~same], tries), waiting[~same]
        return found

    def find(self, tokens: np.ndarray, queries: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Where the index has the n-grams that begin at `places` of `queries`.

        Args:
            tokens: the caller's tokens; queries: these or others; places: int64 [n].

        Returns:
            int64 [n], the places in `tokens`, -1 for an n-gram that the index lacks.
        """
        found = np.full(len(places), -1)
        slots, waiting, tries = self._first_slots(queries, places), np.arange(len(places)), 0
        while len(waiting):
            entries = self._slots.take(slots)
            filled = np.flatnonzero(entries)
            slots, waiting = slots[filled], waiting[filled]
            there = entries[filled].astype(np.int64) - 1
            same = self._equal(tokens, there, queries, places[waiting])
            found[waiting[same]] = there[same]
            tries += 1
            slots, waiting = self._next_slots(slots[~same], tries), waiting[~same]
        return found

    def _grow(self, tokens: np.ndarray, count: int) -> None:
        """Make room for so many n-grams."""
        if count * _SLOTS_PER_NGRAM <= len(self._slots):
            return
        places = self._slots[self._slots > 0].astype(np.int64) - 1
        self._slots = np.zeros(1 << (count * _SLOTS_PER_NGRAM - 1).bit_length(), np.int32)
        # All distinct, so there is nothing to compare.
        slots, tries = self._first_slots(tokens, places), 0
        while len(places):
            empty = self._slots.take(slots) == 0
            self._slots[slots[empty]] = places[empty] + 1
            lost = self._slots.take(slots) != places + 1
            tries += 1
            slots, places = self._next_slots(slots[lost], tries), places[lost]

    def _first_slots(self, tokens: np.ndarray, places: np.ndarray) -> np.ndarray:
        return self._hash(tokens, places) & (len(self._slots) - 1)

    def _next_slots(self, slots: np.ndarray, tries: int) -> np.ndarray:
        # 1, 3, 6, 10, … further on: that visits every slot, and leaves a crowd quickly.
        return (slots + tries) & (len(self._slots) - 1)

    def _hash(self, tokens: np.ndarray, places: np.ndarray) -> np.ndarray:
        """32-bit hashes of the n-grams that begin at the places, as int64 [n]."""
        mixed = tokens.take(places).astype(np.uint64)
        for offset in range(1, self._order):
            mixed = mixed * _MULTIPLIER + tokens.take(places + offset).astype(np.uint64)
        return (mixed * _MULTIPLIER >> _HALF).view(np.int64)

    def _equal(
        self, tokens: np.ndarray, there: np.ndarray, others: np.ndarray, here: np.ndarray
    ) -> np.ndarray:
        equal = tokens.take(there) == others.take(here)
        for offset in range(1, self._order):
            equal &= tokens.take(there + offset) == others.take(here + offset)
        return equal
