"""A conversation laid out by a tokenizer's chat template, with gaps for the contents."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llm_game_env.errors import ConfigurationError
from llm_game_env.spaces import Message

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


def lay_out(
    tokenizer: Any,
    messages: Sequence[Message],
    *,
    add_generation_prompt: bool,
    variables: Mapping[str, Any],
) -> list[str | int]:
    """The template's own text and the indices of the messages whose contents stand in between.

    Text and indices take turns; text comes first and last, and may be empty.

    Raises:
        ConfigurationError: the template refuses the conversation.
    """
    rendered = _render(tokenizer, messages, add_generation_prompt, variables)
    return [int(part) if i % 2 else part for i, part in enumerate(_PLACEHOLDER.split(rendered))]


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
