"""Conversations as token ids, by a tokenizer's own chat template.

What a player wrote is data: a special token or a template marker spelt out in a message is
tokenised as the characters it consists of. A conversation without any is read in one, as the
tokenizer itself would read it. Of another, the template's own text and the contents are tokenised
apart, the contents without special tokens.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from llm_game_env.chat_template import lay_out
from llm_game_env.spaces import Message, without_half_pairs


class Piece(NamedTuple):
    """A stretch of an encoded conversation.

    Attributes:
        ids: its tokens.
        message: the index of the message whose content it is; None for the template's own text.
        text: the template's own text; empty for a content.
    """

    ids: list[int]
    message: int | None
    text: str


def encode_chats(
    tokenizer: Any,
    conversations: Sequence[Sequence[Message]],
    *,
    add_generation_prompt: bool,
) -> list[list[int]]:
    """Token ids of each conversation, the contents never read as special tokens.

    Args:
        tokenizer: a Hugging Face tokenizer.
        conversations: N lists of messages.
        add_generation_prompt: end each with what opens the assistant's next message.

    Returns:
        N lists of ids, of different lengths.

    Raises:
        ConfigurationError: the template refuses the conversation (a role it does not know, say).
    """
    rows = encode_pieces(tokenizer, conversations, add_generation_prompt=add_generation_prompt)
    return [[token for piece in row for token in piece.ids] for row in rows]


def encode_pieces(
    tokenizer: Any,
    conversations: Sequence[Sequence[Message]],
    *,
    add_generation_prompt: bool,
    variables: Mapping[str, Any] | None = None,
) -> list[list[Piece]]:
    """As `encode_chats`, piece by piece, so that a conversation can be shortened where it may be.

    Args:
        tokenizer: a Hugging Face tokenizer.
        conversations: N lists of messages.
        add_generation_prompt: end each with what opens the assistant's next message.
        variables: further variables of the template.

    Returns:
        N lists of pieces: the template's own text and contents in turn, beginning and ending with
        text, which may be empty.

    Raises:
        ConfigurationError: see `encode_chats`.
    """
    layouts = [
        _Layout.of(
            lay_out(
                tokenizer,
                messages,
                add_generation_prompt=add_generation_prompt,
                variables=variables or {},
            ),
            messages,
        )
        for messages in conversations
    ]
    markup = sorted({text for layout in layouts for text in layout.texts[::2]})
    markup_ids = dict(zip(markup, encode_markup(tokenizer, markup), strict=True))
    reserved = _reserved(tokenizer, {token for ids in markup_ids.values() for token in ids})
    whole = _read_whole(tokenizer, layouts, reserved)
    apart = [layout for layout, pieces in zip(layouts, whole, strict=True) if pieces is None]
    contents = [text for layout in apart for text in layout.texts[1::2]]
    content_ids = iter(_encode_contents(tokenizer, contents, reserved))
    return [
        [
            Piece(markup_ids[text], None, text)
            if message is None
            else Piece(next(content_ids), message, "")
            for text, message in zip(layout.texts, layout.messages, strict=True)
        ]
        if pieces is None
        else pieces
        for layout, pieces in zip(layouts, whole, strict=True)
    ]


def encode_markup(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of a template's own text, special tokens read as such."""
    return _encode(tokenizer, list(texts), split_special_tokens=False)


class _Layout(NamedTuple):
    """A conversation as it reads: P stretches of text in a row.

    Attributes:
        texts: the template's own text and contents in turn.
        messages: for a content the index of its message, else None.
    """

    texts: list[str]
    messages: list[int | None]

    @classmethod
    def of(cls, parts: Sequence[str | int], messages: Sequence[Message]) -> "_Layout":
        """From what `lay_out` returned."""
        texts = [
            part if isinstance(part, str) else without_half_pairs(messages[part]["content"])
            for part in parts
        ]
        return cls(texts, [part if isinstance(part, int) else None for part in parts])


def _read_whole(
    tokenizer: Any, layouts: Sequence[_Layout], reserved: Mapping[int, str]
) -> list[list[Piece] | None]:
    """The pieces of each conversation as the tokenizer reads it in one.

    None where a content holds a reserved token, and for tokenizers that do not say which
    characters a token stands for.
    """
    if not layouts or not getattr(tokenizer, "is_fast", False):
        return [None] * len(layouts)
    read = tokenizer(
        ["".join(layout.texts) for layout in layouts],
        add_special_tokens=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
    )
    rows = zip(layouts, read["input_ids"], read["offset_mapping"], strict=True)
    return [_cut(layout, ids, spans, reserved) for layout, ids, spans in rows]


def _cut(
    layout: _Layout,
    ids: Sequence[int],
    spans: Sequence[tuple[int, int]],
    reserved: Mapping[int, str],
) -> list[Piece] | None:
    """The tokens of each stretch; one that reaches into a content belongs to the content."""
    last = len(layout.texts) - 1
    ends = list(accumulate(map(len, layout.texts)))
    starts = [0, *ends[:-1]]
    tokens: list[list[int]] = [[] for _ in layout.texts]
    covered = list(zip(starts, ends, strict=True))  # What the template's own tokens stand for.
    place = 0
    for token, (start, end) in zip(ids, spans, strict=True):
        while place < last and start >= ends[place]:
            place += 1
        if place < last and layout.messages[place] is None and end > ends[place]:
            place += 1
        if layout.messages[place] is not None and end > start:
            if token in reserved:
                return None
            if start < starts[place]:
                covered[place - 1] = (covered[place - 1][0], start)
            if end > ends[place]:
                covered[place + 1] = (end, max(end, ends[place + 1]))
        tokens[place].append(token)
    text = "".join(layout.texts)
    return [
        Piece(own, message, text[slice(*span)] if message is None else "")
        for own, message, span in zip(tokens, layout.messages, covered, strict=True)
    ]


class TextEncoder:
    """Token ids of texts on their own, never read as special tokens.

    Args:
        tokenizer: a Hugging Face tokenizer, with the special tokens that it has now.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._reserved = _reserved(tokenizer, set())

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """N lists of ids, of different lengths."""
        return _encode_contents(self._tokenizer, list(texts), self._reserved)


def _reserved(tokenizer: Any, in_markup: set[int]) -> dict[int, str]:
    """The tokens that no content may hold: the special ones and the template's markers."""
    special = dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))
    markers = {
        token: text
        for text, token in tokenizer.get_added_vocab().items()
        if token in in_markup and text.strip()  # Some tokenizers add line breaks as tokens.
    }
    # The unknown token stands for what the vocabulary lacks, and means nothing by itself.
    return {t: text for t, text in (special | markers).items() if t != tokenizer.unk_token_id}


def _encode_contents(
    tokenizer: Any, contents: list[str], reserved: dict[int, str]
) -> list[list[int]]:
    # A flag of the tokenizer does it for most. Not for added tokens that are not called special,
    # nor for word-level and unigram models, whose vocabulary holds the special tokens.
    encoded = _encode(tokenizer, contents, split_special_tokens=True)
    cuts = [
        f"(?<={re.escape(text[0])})(?={re.escape(text[1:])})"
        for text in reserved.values()
        if len(text) > 1
    ]
    for i, ids in enumerate(encoded):
        if not reserved.keys().isdisjoint(ids):
            parts = re.split("|".join(cuts), contents[i], flags=re.IGNORECASE)
            pieces = _encode(tokenizer, parts, split_special_tokens=True)
            encoded[i] = [token for piece in pieces for token in piece if token not in reserved]
    return encoded


def _encode(tokenizer: Any, texts: list[str], *, split_special_tokens: bool) -> list[list[int]]:
    if not texts:
        return []
    return tokenizer(
        [without_half_pairs(text) for text in texts],
        add_special_tokens=False,
        split_special_tokens=split_special_tokens,
        return_attention_mask=False,
    )["input_ids"]
