"""Asking a defender the prompts of a set, a batch at a time, each with its own random numbers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from llm_game_env.errors import EndpointError
from llm_game_env.evaluation.prompt_sets.prompt_set import SetPrompt
from llm_game_env.evaluation.prompt_sets.settings import AskingSettings
from llm_game_env.players.protocol import Player
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.rules import DEFENDER
from llm_game_env.spaces import Message


class Answered(NamedTuple):
    """What came of some of N prompts.

    Attributes:
        responses: place of the prompt among the N -> the answer.
        failed: place -> why there is none.
    """

    responses: dict[int, str]
    failed: dict[int, str]


def ask(
    player: Player, prompts: Sequence[SetPrompt], first: int, settings: AskingSettings
) -> Answered:
    """The answers to some prompts that stand side by side in a set.

    Args:
        player: the defender.
        prompts: N of them, at least one.
        first: the place of the first one in the set, from 0 on, by which random numbers are
            keyed: a language model draws what it would draw if it were asked the whole set at
            once.
        settings: see there.
    """
    system = settings.system_prompt
    opening = [] if system is None else [Message(role="system", content=system)]
    chats = [
        [*opening, *prompt.seed.context, Message(role="user", content=prompt.seed.text)]
        for prompt in prompts
    ]
    try:
        replies = player.reply(chats, _draws(first, settings), max_tokens=settings.max_tokens)
    except EndpointError as error:
        return Answered(error.completed, error.failed)
    return Answered(dict(enumerate(replies)), {})


def exchange_of(prompt: SetPrompt, response: str) -> Exchange:
    """A prompt and its answer as judges take them."""
    return Exchange(prompt.seed, prompt.seed.context, prompt.seed.text, response)


def in_batches(places: Sequence[int], size: int) -> list[range]:
    """Ascending places cut into ranges without gaps, of at most `size`."""
    batches: list[range] = []
    for place in places:
        if batches and batches[-1].stop == place and len(batches[-1]) < size:
            batches[-1] = range(batches[-1].start, place + 1)
        else:
            batches.append(range(place, place + 1))
    return batches


def _draws(first: int, settings: AskingSettings) -> np.random.Generator:
    """The defender's random numbers in its first turn, from those of the prompt `first` on.

    They are those of `evaluation.playing` with the same seed.
    """
    bits = np.random.PCG64(np.random.SeedSequence([settings.seed, DEFENDER, 0]))
    return np.random.Generator(bits.advance(first * settings.max_tokens))
