"""What the views of the matrix game share: their spaces, and how a game is told."""

from collections.abc import Sequence
from typing import Any

from gymnasium import spaces

from llm_game_env.matrix.closed_form import MatrixGame
from llm_game_env.rendering import Line, message_line
from llm_game_env.rules import AGENTS
from llm_game_env.transcript import worth_line


def make_spaces(game: MatrixGame) -> tuple[dict[str, Any], dict[str, Any]]:
    """Observation spaces and action spaces, by agent."""
    seen = spaces.Discrete(game.num_prompts + 1)
    sizes = (game.num_prompts, game.num_responses)
    actions = {agent: spaces.Discrete(size) for agent, size in zip(AGENTS, sizes, strict=True)}
    return dict.fromkeys(AGENTS, seen), actions


def is_move(space: spaces.Discrete, move: Any) -> bool:
    """Whether the space holds the move; older versions of Gymnasium raise at a very large one."""
    try:
        return space.contains(move)
    except OverflowError:
        return False


def game_lines(game: MatrixGame, moves: Sequence[int]) -> list[Line]:
    """A game as lines for people.

    Args:
        game: that is played.
        moves: a prompt and a response, or what there is of them so far.
    """
    words = (("adversary", "prompt"), ("defender", "response"))
    lines = [
        message_line(speaker, f"{word} {move}")
        for (speaker, word), move in zip(words, moves, strict=False)
    ]
    if len(moves) < len(AGENTS):
        return lines
    prompt, response = moves
    score, likeness = float(game.payoff[prompt, response]), float(game.likeness[prompt])
    parts = {"score": score, "likeness": likeness}
    return [*lines, worth_line(parts, (-score - likeness, score))]
