"""Adversaries that word a seed question otherwise and learn nothing: what an attack is without."""

from collections.abc import Sequence

import numpy as np

from llm_game_env.gatekeeper.grammar import Question, parse
from llm_game_env.gatekeeper.intent import SameMatter
from llm_game_env.gatekeeper.splits import Splits
from llm_game_env.players.protocol import Player
from llm_game_env.spaces import Message

MAX_TRIES = 16


class Paraphraser:
    """Rewords the seed question in the ways that a language model is used to.

    It is the SFT adversary, held to the seed's matter: what it writes is drawn again until it asks
    about that matter in other words, MAX_TRIES times; then the seed question is asked as it stands.

    Args:
        writer: the SFT adversary.
        instruction: what it is told, with the field `{seed_prompt}`.
    """

    def __init__(self, writer: Player, instruction: str) -> None:
        self._writer = writer
        self._instruction = instruction

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """One rewording a conversation."""
        seeds = seed_questions(conversations, self._instruction)
        written = list(seeds)
        open_rows = list(range(len(seeds)))
        for _ in range(MAX_TRIES):
            chats = [conversations[row] for row in open_rows]
            drawn = self._writer.reply(chats, rng, max_tokens=max_tokens)
            kept = SameMatter().keeps([seeds[row] for row in open_rows], drawn)
            missed: list[int] = []
            for row, text, same in zip(open_rows, drawn, kept, strict=True):
                if same and parse(text) != parse(seeds[row]):
                    written[row] = text
                else:
                    missed.append(row)
            open_rows = missed
            if not open_rows:
                break
        return written


class UniformAsker:
    """Rewords the seed question in any reachable way, each as likely as any other.

    Nobody outside a built world has the list of all ways of asking: it is what a search would
    find that stopped at nothing, and not a baseline.

    Args:
        splits: of the world.
        instruction: what the adversary is told, with the field `{seed_prompt}`.
    """

    def __init__(self, splits: Splits, instruction: str) -> None:
        self._instruction = instruction
        self._ways: dict[str, list[Question]] = {}
        for question in splits.reachable:
            self._ways.setdefault(question.matter.key, []).append(question)

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """One rewording a conversation."""
        written: list[str] = []
        for seed in seed_questions(conversations, self._instruction):
            asked = parse(seed)
            if asked is None:
                raise ValueError(f"{seed!r} is no question of the grammar")
            ways = self._ways[asked.matter.key]
            written.append(ways[int(rng.integers(len(ways)))].text)
        return written


def seed_questions(conversations: Sequence[Sequence[Message]], instruction: str) -> list[str]:
    """The seed question of each conversation, which the first message holds."""
    before, after = instruction.split("{seed_prompt}")
    return [chat[0]["content"].removeprefix(before).removesuffix(after) for chat in conversations]
