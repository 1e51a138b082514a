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
    vocabulary: Vocabulary,
    conversation: Sequence[Message],
    agent: int,
    known: Sequence[list[int]] = (),
) -> list[int]:
    """The ids of a conversation as one agent sees it, its own messages the assistant's.

    Args:
        vocabulary: spells the messages.
        conversation: oldest message first.
        agent: who sees it.
        known: how its last messages are spelt, where that was found out before.
    """
    num_unknown = len(conversation) - len(known)
    spelt: list[int] = []
    instructed = agent == DEFENDER  # The adversary's first message is its instruction.
    for i, message in enumerate(conversation):
        if message["role"] == "assistant":
            speaker = opening(vocabulary, agent)
        elif message["role"] == "user" and instructed:
            speaker = opening(vocabulary, 1 - agent)
        else:
            speaker = vocabulary.reserved(Reserved.ENVIRONMENT)
            instructed = instructed or message["role"] == "user"
        is_known = i >= num_unknown
        ids = known[i - num_unknown] if is_known else vocabulary.encode(message["content"])
        spelt += [speaker, *ids]
    return spelt
