"""Conversations as token ids, by a tokenizer's own chat template.

What a player wrote is data: a special token or a template marker spelt out in a message is
tokenised as the characters it consists of. The template is rendered with placeholders where the
contents stand; its own pieces are tokenised with special tokens, the contents without.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from llm_game_env.errors import ConfigurationError
from llm_game_env.spaces import Message, without_half_pairs

PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{{ message['role'].capitalize() + ': ' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""Used for tokenizers that have no chat template of their own (base models such as GPT-2)."""

# Private-use characters: no template writes them, and no tokenizer sees them.
_PLACEHOLDER = re.compile("\ue000([0-9]+)\ue001")


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
    contents: list[str] = []
    layouts: list[list[str]] = []
    for messages in conversations:
        rendered = _render(tokenizer, messages, add_generation_prompt, variables or {})
        layout = _PLACEHOLDER.split(rendered)  # Every other entry is a message's index.
        contents += [messages[int(index)]["content"] for index in layout[1::2]]
        layouts.append(layout)

    markup = sorted({text for layout in layouts for text in layout[::2]})
    markup_ids = dict(zip(markup, encode_markup(tokenizer, markup), strict=True))
    reserved = _reserved(tokenizer, {token for ids in markup_ids.values() for token in ids})
    content_ids = iter(_encode_contents(tokenizer, contents, reserved))
    return [
        [
            Piece(next(content_ids), int(text), "")
            if i % 2
            else Piece(markup_ids[text], None, text)
            for i, text in enumerate(layout)
        ]
        for layout in layouts
    ]


def encode_markup(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of a template's own text, special tokens read as such."""
    return _encode(tokenizer, list(texts), split_special_tokens=False)


def _render(
    tokenizer: Any,
    messages: Sequence[Message],
    add_generation_prompt: bool,
    variables: Mapping[str, Any],
) -> str:
    """The template's text with placeholders for the contents.

    Some templates (multimodal guards) want contents as parts and silently drop a plain string:
    where a placeholder is lost, the other form is tried.
    """
    plain = _fill(tokenizer, messages, add_generation_prompt, variables, as_parts=False)
    if isinstance(plain, str) and (_shows_contents(plain) or not messages):
        return plain
    parts = _fill(tokenizer, messages, add_generation_prompt, variables, as_parts=True)
    if isinstance(parts, str) and _shows_contents(parts):
        return parts
    if isinstance(plain, str):
        return plain
    roles = [message["role"] for message in messages]
    raise ConfigurationError(
        f"the chat template of {tokenizer.name_or_path!r} refuses a conversation with the "
        f"roles {roles} ({plain}); leave out the system prompt, or set another "
        "tokenizer.chat_template"
    ) from plain


def _fill(
    tokenizer: Any,
    messages: Sequence[Message],
    add_generation_prompt: bool,
    variables: Mapping[str, Any],
    *,
    as_parts: bool,
) -> str | Exception:
    """The rendered template, or what it raised."""
    template = None if getattr(tokenizer, "chat_template", None) else PLAIN_TEMPLATE
    texts = [f"\ue000{i}\ue001" for i in range(len(messages))]
    placeholders = [
        {
            "role": message["role"],
            "content": [{"type": "text", "text": text}] if as_parts else text,
        }
        for message, text in zip(messages, texts, strict=True)
    ]
    try:
        return tokenizer.apply_chat_template(
            placeholders,
            chat_template=template,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            **variables,
        )
    except Exception as error:  # Templates raise whatever their author chose.
        return error


def _shows_contents(rendered: str) -> bool:
    return _PLACEHOLDER.search(rendered) is not None


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
