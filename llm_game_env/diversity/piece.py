"""Consecutive texts of a history, of which some may be gone by now.

A text that is gone counts no more, but lies there until enough of them do to be worth taking out.
"""

import numpy as np

from llm_game_env.diversity.stretch import Stretch, closed_stretch, merged, of_rows, spans
from llm_game_env.diversity.token_batch import END


class Piece:
    """Texts that are complete, as a stretch.

    Attributes:
        stretch: what they are compared by; its `times` leave out those that are gone.
        left: bool [n], which of the texts are not gone.
    """

    def __init__(self, stretch: Stretch, rows: np.ndarray, left: np.ndarray) -> None:
        """`rows` are the rows of `stretch` that the texts have, int [n], new ones ascending."""
        self.stretch = stretch
        self.left = left
        self._rows = rows

    @classmethod
    def of_tokens(
        cls, tokens: np.ndarray, ranks: np.ndarray, left: np.ndarray, windowed: bool | None = None
    ) -> "Piece":
        """Make a piece of its texts, gone ones included; see `closed_stretch`."""
        stretch, rows = closed_stretch(tokens, ranks, windowed)
        piece = cls(stretch, rows, np.ones(len(left), bool))
        piece.forget(np.flatnonzero(~left))
        return piece

    def __len__(self) -> int:
        """Texts left."""
        return int(np.count_nonzero(self.left))

    @property
    def windowed(self) -> bool:
        """Whether the stretch is one of windows."""
        return self.stretch.windows is not None

    @property
    def tokens(self) -> np.ndarray:
        """The texts, gone ones included, laid out as in `TokenBatch`, int32 [T]."""
        stretch = self.stretch
        if stretch.windows is None:
            return stretch.tokens
        places = spans(stretch.ends - stretch.lengths, stretch.lengths, self._rows)
        lengths = stretch.lengths.take(self._rows)
        words = stretch.tokens[:: stretch.step].take(stretch.windows.take(places))
        tokens = np.full(len(words) + len(lengths), END, np.int32)
        tokens[np.arange(len(words)) + np.repeat(np.arange(len(lengths)), lengths)] = words
        return tokens

    def forget(self, texts: np.ndarray) -> None:
        """Count some of those left no more: which of the n, int [k]."""
        self.left[texts] = False
        np.subtract.at(self.stretch.times, self._rows[texts], 1.0)

    def without_gone(self) -> "Piece":
        """The texts that are left."""
        rows, first, which = np.unique(
            self._rows[self.left], return_index=True, return_inverse=True
        )
        # In the order in which they come first, as if the piece had been made of these texts.
        in_order = np.argsort(first)
        place = np.empty(len(rows), np.int64)
        place[in_order] = np.arange(len(rows))
        stretch = of_rows(self.stretch, rows[in_order])
        return Piece(stretch, place[which], np.ones(len(which), bool))

    def followed_by(self, other: "Piece") -> "Piece":
        """The texts of both; both stretches must be of the same kind."""
        stretch, rows = merged(self.stretch, other.stretch)
        both = np.concatenate([self._rows, len(self.stretch.ends) + other._rows])
        return Piece(stretch, rows.take(both), np.concatenate([self.left, other.left]))
