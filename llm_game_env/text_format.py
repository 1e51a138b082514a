"""The text format: what an agent of a game sees, and what it may say."""

from typing import Any

from gymnasium import spaces

from llm_game_env.game import Game
from llm_game_env.rules import AGENTS, Rules
from llm_game_env.spaces import Chat, Utterance


def observation_spaces(rules: Rules) -> dict[str, Any]:
    """By agent, `Dict` of `messages`, `turn` and `to_move`; the same object for both."""
    space = spaces.Dict(
        {
            "messages": Chat(),
            "turn": spaces.Discrete(rules.max_turns + 1),
            "to_move": spaces.Discrete(len(AGENTS)),
        }
    )
    return dict.fromkeys(AGENTS, space)


def action_spaces(rules: Rules) -> dict[str, Utterance]:
    """By agent, every string of at most `max_chars` characters."""
    return {agent: Utterance(rules.max_chars) for agent in AGENTS}


def observation(game: Game, row: int, agent: int) -> dict[str, Any]:
    """The dialogue as the agent sees it, exchanges completed, and whose turn it is."""
    return {
        "messages": game.conversation(row, agent),
        "turn": game.turn(row),
        "to_move": game.to_move(row),
    }


def seed_infos(game: Game, row: int) -> dict[str, float]:
    """What the infos say of the seed prompt; 0 where there is no game."""
    harmful = game.has_game(row) and game.seed(row).label == "harmful"
    return {"seed_prompt_index": float(game.seed_index(row)), "harmful": float(harmful)}
