"""Having a player write: each process samples some of the messages, all get all of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from llm_game_agents.opponents import Lineup
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.processes import Processes
from llm_game_env.players.causal_lm import CausalLMPlayer, Completion
from llm_game_env.players.protocol import Player


def speak(
    player: Player | Lineup,
    conversations: Sequence[Any],
    uniforms: np.ndarray,
    rows: Sequence[int],
    processes: Processes,
) -> list[Completion] | list[str]:
    """The next message of each of N conversations; completions where a `LanguagePolicy` writes.

    A player whose draws are not ours (scripted, human, an endpoint) writes on the main process.

    Args:
        player: who writes, or several.
        conversations: N lists of messages.
        uniforms: float [N, max_tokens] in [0, 1), the random numbers of each.
        rows: the N games, for a `Lineup` to know its players by.
        processes: among which the messages are shared out.
    """
    if isinstance(player, Lineup):
        return _speak_together(player, conversations, uniforms, rows, processes)
    if isinstance(player, LanguagePolicy):
        return _sample(player, conversations, uniforms, processes)
    # Any other player takes a generator; its seed is drawn from the same keyed numbers.
    rng = np.random.default_rng(np.frombuffer(uniforms.tobytes()[:16], dtype=np.uint32))
    if isinstance(player, CausalLMPlayer):
        draws = rng.random(uniforms.shape)  # As its `reply` draws them.
        return [one.text for one in _sample(player, conversations, draws, processes)]
    return processes.from_main(
        lambda: player.reply(conversations, rng, max_tokens=uniforms.shape[1])
    )


def _sample(
    player: LanguagePolicy | CausalLMPlayer,
    conversations: Sequence[Any],
    uniforms: np.ndarray,
    processes: Processes,
) -> list[Completion]:
    return processes.share_out(
        len(conversations), lambda own: player.sample(conversations[own], uniforms[own])
    )


def _speak_together(
    lineup: Lineup,
    conversations: Sequence[Any],
    uniforms: np.ndarray,
    rows: Sequence[int],
    processes: Processes,
) -> list[str]:
    """Each player writes in its own games; nobody learns from what a line-up writes."""
    messages = [""] * len(rows)
    choice = lineup.choice[list(rows)]
    for index, player in enumerate(lineup.players):
        own = np.flatnonzero(choice == index).tolist()
        if own:
            written = speak(player, [conversations[i] for i in own], uniforms[own], own, processes)
            for i, message in zip(own, written, strict=True):
                messages[i] = message.text if isinstance(message, Completion) else message
    return messages
