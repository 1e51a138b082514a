"""Conversations as token ids, by a tokenizer's own chat template.

What a player wrote is data: a special token or a template marker spelt out in a message is
tokenised as the characters it consists of. The template is rendered with placeholders where the
contents stand; its own pieces are tokenised with special tokens, the contents without.
"""

import re
from collections.abc import Sequence
from typing import Any

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
    contents: list[str] = []
    layouts: list[list[str | int]] = []
    for messages in conversations:
        rendered = _render(tokenizer, messages, add_generation_prompt)
        pieces: list[str | int] = []
        for i, piece in enumerate(_PLACEHOLDER.split(rendered)):
            if i % 2 == 0:
                pieces.append(piece)
            else:
                pieces.append(len(contents))
                contents.append(messages[int(piece)]["content"])
        layouts.append(pieces)

    markup = sorted({piece for layout in layouts for piece in layout if isinstance(piece, str)})
    markup_ids = dict(
        zip(markup, _encode(tokenizer, markup, split_special_tokens=False), strict=True)
    )
    reserved = _reserved(tokenizer, {token for ids in markup_ids.values() for token in ids})
    content_ids = _encode_contents(tokenizer, contents, reserved)
    return [
        [
            token
            for piece in layout
            for token in (markup_ids[piece] if isinstance(piece, str) else content_ids[piece])
        ]
        for layout in layouts
    ]


def _render(tokenizer: Any, messages: Sequence[Message], add_generation_prompt: bool) -> str:
    placeholders = [
        {"role": message["role"], "content": f"\ue000{i}\ue001"}
        for i, message in enumerate(messages)
    ]
    template = None if getattr(tokenizer, "chat_template", None) else PLAIN_TEMPLATE
    try:
        return tokenizer.apply_chat_template(
            placeholders,
            chat_template=template,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
        )
    except Exception as error:  # Templates raise whatever their author chose.
        roles = [message["role"] for message in messages]
        raise ConfigurationError(
            f"the chat template of {tokenizer.name_or_path!r} refuses a conversation with the "
            f"roles {roles} ({error}); leave out the system prompt, or set another "
            "tokenizer.chat_template"
        ) from error


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
