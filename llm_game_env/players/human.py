"""A person at a terminal as a player."""

from collections.abc import Callable, Sequence

import numpy as np

from llm_game_env.rendering import printable
from llm_game_env.spaces import Message


class HumanPlayer:
    """Shows each conversation and asks for its next message, one after the other.

    What was said is shown with its control and format characters escaped, line breaks aside; the
    lines of one message are indented, so that none can pass for another's. The answer is taken as
    it was typed: a person has no tokens, so `max_tokens` is not enforced, and `rng` is not used.

    Args:
        ask: shows its argument and returns a line; `input` by default.
        show: shows some lines; `print` by default.

    Raises:
        EOFError, KeyboardInterrupt: from `reply`, as `ask` raised them: the input has ended, or
            the person wants to leave. Answers already given in the same call are lost.
    """

    def __init__(
        self, ask: Callable[[str], str] = input, show: Callable[[str], None] = print
    ) -> None:
        self.ask = ask
        self.show = show

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """One line a conversation, in order."""
        answers: list[str] = []
        for number, conversation in enumerate(conversations, start=1):
            self.show(f"conversation {number} of {len(conversations)}")
            for message in conversation:
                self.show(f"{message['role']}: {_indented(message['content'])}")
            answers.append(self.ask("your message: "))
        return answers


def _indented(text: str) -> str:
    return "\n  ".join(printable(line) for line in text.split("\n"))
