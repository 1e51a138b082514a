"""The two spaces of the text format: one message, and a conversation of messages.

Gymnasium's `Text` admits only characters of a fixed set, so any accent, emoji or line break
falls outside it; these spaces admit every string.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypedDict, TypeGuard

import numpy as np
from gymnasium import Space

Role = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant")

# Letters of several scripts, spaces and punctuation: a sample should find code that assumes ASCII.
_SAMPLE_CHARACTERS = tuple("abcdefghij klmnop qrstuv wxyz ,.?!'\n éßñ Ωж 中語 🙂")


class Message(TypedDict):
    """One message in the form of Hugging Face chat templates and OpenAI-style endpoints."""

    role: Role
    content: str


def without_half_pairs(text: str) -> str:
    """The text as tokenizers can read it: half a surrogate pair becomes U+FFFD.

    Such a text is legal, and no language model writes one.
    """
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Utterance(Space[str]):
    """All strings of at most `max_chars` characters, the empty one included."""

    def __init__(self, max_chars: int, seed: int | np.random.Generator | None = None) -> None:
        self.max_chars = max_chars
        super().__init__(dtype=str, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        return False

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> str:
        """A random string of up to 40 characters; masks are not supported and ignored."""
        length = int(self.np_random.integers(0, min(self.max_chars, 40) + 1))
        picks = self.np_random.integers(0, len(_SAMPLE_CHARACTERS), size=length)
        return "".join(_SAMPLE_CHARACTERS[i] for i in picks)

    def contains(self, x: Any) -> TypeGuard[str]:
        return isinstance(x, str) and len(x) <= self.max_chars

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Utterance) and self.max_chars == other.max_chars

    def __repr__(self) -> str:
        return f"Utterance(max_chars={self.max_chars})"


class Chat(Space[list[Message]]):
    """All lists of `{"role", "content"}` messages; roles are system, user and assistant."""

    def __init__(self, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(dtype=object, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        return False

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> list[Message]:
        """A conversation of one to three random messages; masks are ignored."""
        text = Utterance(40, seed=self.np_random)
        roles: tuple[Role, ...] = ("user", "assistant", "user")
        return [
            Message(role=role, content=text.sample())
            for role in roles[: int(self.np_random.integers(1, 4))]
        ]

    def contains(self, x: Any) -> TypeGuard[list[Message]]:
        return isinstance(x, list) and all(_is_message(item) for item in x)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Chat)

    def __repr__(self) -> str:
        return "Chat()"


def _is_message(item: Any) -> bool:
    return (
        isinstance(item, Mapping)
        and set(item) == {"role", "content"}
        and item["role"] in ROLES
        and isinstance(item["content"], str)
    )
