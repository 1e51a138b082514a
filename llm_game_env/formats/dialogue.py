"""How a dialogue is spelt as ids: each message behind the id of who wrote it."""

from collections.abc import Sequence

from llm_game_env.formats.vocabulary import Reserved, Vocabulary
from llm_game_env.rules import DEFENDER
from llm_game_env.spaces import Message

_SPEAKERS = (Reserved.ADVERSARY, Reserved.DEFENDER)


def opening(vocabulary: Vocabulary, agent: int) -> int:
    """The id that opens an agent's message."""
    return vocabulary.reserved(_SPEAKERS[agent])


def spell_dialogue(
    vocabulary: Vocabulary, conversation: Sequence[Message], agent: int
) -> list[int]:
    """The ids of a conversation as one agent sees it, its own messages the assistant's."""
    spelt: list[int] = []
    instructed = agent == DEFENDER  # The adversary's first message is its instruction.
    for message in conversation:
        if message["role"] == "assistant":
            speaker = _SPEAKERS[agent]
        elif message["role"] == "user" and instructed:
            speaker = _SPEAKERS[1 - agent]
        else:
            speaker = Reserved.ENVIRONMENT
            instructed = instructed or message["role"] == "user"
        spelt += [vocabulary.reserved(speaker), *vocabulary.encode(message["content"])]
    return spelt
