"""An exchange as a pair of texts, for classifiers that were trained on pairs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from llm_game_env.chat import Piece, TextEncoder
from llm_game_env.rewards.protocol import Exchange


class PairLayout(NamedTuple):
    """What a tokenizer writes around two texts.

    Attributes:
        around: special tokens before the first, between the two, and after the second.
        around_types: the token types of those.
        types: the token types of the two texts.
    """

    around: tuple[list[int], list[int], list[int]]
    around_types: tuple[list[int], list[int], list[int]]
    types: tuple[int, int]

    def types_of(self, pieces: Sequence[Piece]) -> list[int]:
        """The token types of a pair's pieces, shortened or not."""
        types: list[int] = []
        for i, piece in enumerate(pieces):
            if i % 2:
                types += [self.types[i // 2]] * len(piece.ids)
            else:
                # What was cut of the special tokens was cut at their front.
                own = self.around_types[i // 2]
                types += own[len(own) - len(piece.ids) :]
        return types


def find_layout(tokenizer: Any) -> PairLayout | None:
    """How the tokenizer sets two texts apart; None where it runs them into one."""
    example = tokenizer("a", "a", return_token_type_ids=True)
    ids, types, owners = example["input_ids"], example["token_type_ids"], example.sequence_ids()
    around: tuple[list[int], list[int], list[int]] = ([], [], [])
    around_types: tuple[list[int], list[int], list[int]] = ([], [], [])
    text_types, owner_before = [0, 0], 0
    for token, kind, owner in zip(ids, types, owners, strict=True):
        if owner is None:
            around[owner_before].append(token)
            around_types[owner_before].append(kind)
        else:
            owner_before = owner + 1
            text_types[owner] = kind
    if not around[1]:
        return None
    return PairLayout(around, around_types, (text_types[0], text_types[1]))


def encode_pairs(
    tokenizer: Any, layout: PairLayout, exchanges: Sequence[Exchange]
) -> list[list[Piece]]:
    """The dialogue up to the response and the response, as pieces; see `encode_pieces`.

    The first text is the contents of the dialogue's messages and the prompt, one a line.
    """
    encoder = TextEncoder(tokenizer)
    before = ["\n".join(m["content"] for m in exchange.messages[:-1]) for exchange in exchanges]
    first = encoder.encode(before)
    second = encoder.encode([exchange.response for exchange in exchanges])
    start, between, end = layout.around
    return [
        [
            Piece(start, None, ""),
            Piece(prompt, 0, ""),
            Piece(between, None, ""),
            Piece(response, 1, ""),
            Piece(end, None, ""),
        ]
        for prompt, response in zip(first, second, strict=True)
    ]
