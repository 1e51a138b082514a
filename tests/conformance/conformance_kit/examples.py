"""Each environment in each format once, for tests that draw no games; and how to play them."""

from collections.abc import Iterator
from typing import Any

from conformance_kit.games import (
    BEST,
    SEEDS,
    TOKENIZER,
    AnyGame,
    MatrixGame,
    TextGame,
    keeps,
    score,
)
from llm_game_env import jailbreak_v0, matrix_v0, red_team_v0
from llm_game_env.players import EchoPlayer
from llm_game_env.rewards import FunctionIntent, FunctionReward

_TEXT: dict[str, Any] = {
    "seed_prompts": SEEDS,
    "reward_model": FunctionReward(score, best=BEST),
    "max_turns": 2,
}
_TOKENS: dict[str, Any] = {
    "action_format": "tokens",
    "tokenizer": TOKENIZER,
    "max_tokens": 3,
    "max_context": 16,
}
_INTENT = {"intent": FunctionIntent(keeps)}
_PAYOFF = {"payoff": [[0.0, 0.25, 1.0], [1.0, 0.5, 0.0]], "likeness": [0.5, 0.0]}

EXAMPLES: dict[str, AnyGame] = {
    "red_team-text": TextGame(red_team_v0, _TEXT),
    "red_team-tokens": TextGame(red_team_v0, _TEXT | _TOKENS),
    "jailbreak-text": TextGame(jailbreak_v0, _TEXT | _INTENT),
    "jailbreak-tokens": TextGame(jailbreak_v0, _TEXT | _INTENT | _TOKENS),
    "matrix": MatrixGame(matrix_v0, _PAYOFF),
}
SEATED = {name: game for name, game in EXAMPLES.items() if isinstance(game, TextGame)}


def seat_arguments(game: AnyGame, agent: str) -> dict[str, Any]:
    """The arguments of a single-agent view of it."""
    return game.arguments | {"agent": agent, "opponent": EchoPlayer()}


def play(env: Any, seed: int) -> Iterator[Any]:
    """A game of random legal actions behind the AEC API; yields what `last` says at every turn."""
    env.reset(seed=seed)
    for number, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(seed + number)
    for agent in env.agent_iter():
        last = env.last()
        yield last
        observation, _, terminated, _, _ = last
        mask = observation.get("action_mask") if isinstance(observation, dict) else None
        env.step(None if terminated else env.action_space(agent).sample(mask))
