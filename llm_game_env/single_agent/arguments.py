"""The arguments of the single-agent views."""

from collections.abc import Callable
from typing import Any

from llm_game_env.defaults import choose_format
from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError
from llm_game_env.players.protocol import Player
from llm_game_env.rules import ADVERSARY, AGENTS, Rules
from llm_game_env.single_agent.seat import SeatSettings


def choose_seat(
    make_rules: Callable[..., Rules],
    *,
    agent: str,
    opponent: Player | None = None,
    opponent_max_tokens: int = 64,
    diversity: Diversity | None = None,
    **arguments: Any,
) -> SeatSettings:
    """One agent's seat in a game.

    Args:
        make_rules: the game's own reading of the remaining arguments.
        agent: the one that learns, "adversary_0" or "defender_0".
        opponent: plays the other; in the built-in world, its SFT player by default.
        opponent_max_tokens: of one of its messages, in its own tokens.
        diversity: copied; none by default.
        arguments: those of the environment, those of the action format included.

    Raises:
        ConfigurationError: an argument cannot be used; or there is no opponent, and the game is not
            that of the built-in world.
    """
    tokens = choose_format(arguments)
    if opponent is None:
        opponent = _default_opponent(agent, own_prompts=arguments.get("seed_prompts") is not None)
    rules = make_rules(**arguments)
    return SeatSettings(rules, agent, opponent, opponent_max_tokens, diversity, tokens)


def _default_opponent(agent: str, *, own_prompts: bool) -> Player:
    if own_prompts:
        raise ConfigurationError(
            "opponent=None: with your own seed_prompts, say who plays the other side; give a "
            "Player such as llm_game_env.players.CausalLMPlayer"
        )
    from llm_game_env.gatekeeper.world import load_world
    from llm_game_env.players.causal_lm import CausalLMPlayer

    world = load_world()
    return CausalLMPlayer.load(world.defender if agent == AGENTS[ADVERSARY] else world.adversary)
