"""Nothing grows over many games in one environment."""

import gc
import itertools
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from llm_game_env import jailbreak_v0, matrix_v0, red_team_v0
from llm_game_env.players import EchoPlayer
from llm_game_env.rewards import Exchange, FunctionIntent, FunctionReward

numbers = itertools.count(100_000)  # texts of one length, none of them twice


def constant(exchanges: Sequence[Exchange]) -> list[float]:
    return [1.0] * len(exchanges)


def always(*_: str) -> bool:
    return True


GAME: dict[str, Any] = {"seed_prompts": ["s0", "s1"], "reward_model": FunctionReward(constant)}
SEAT: dict[str, Any] = {"agent": "adversary_0", "opponent": EchoPlayer()}


def text() -> str:
    return f"message {next(numbers)}"


def play_aec(env: Any, action: Callable[[], Any]) -> None:
    env.reset()
    for _ in env.agent_iter():
        _, _, terminated, _, _ = env.last()
        env.step(None if terminated else action())


def play_parallel(env: Any, action: Callable[[], Any]) -> None:
    env.reset()
    while env.agents:
        env.step({agent: action() for agent in env.agents})


def play_vector(env: Any, action: Callable[[], Any]) -> None:
    env.reset()
    while env.agents:
        over = env.last().terminations.all()
        env.step(None if over else [action() for _ in range(env.num_envs)])


def play_gymnasium(env: Any, action: Callable[[], Any]) -> None:
    env.reset()
    over = False
    while not over:
        _, _, over, _, _ = env.step(action())


def play_gymnasium_vector(env: Any, action: Callable[[], Any]) -> None:
    env.reset()
    for _ in range(3):
        env.step([action() for _ in range(env.num_envs)])


def added(play: Callable[[], None]) -> int:
    """Bytes that a hundred games leave behind, once thirty have filled what is bounded."""
    for _ in range(30):
        play()
    gc.collect()
    tracemalloc.start()
    try:
        play()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(100):
            play()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def check(play: Callable[[Any, Callable[[], Any]], None], env: Any, action: Any = text) -> None:
    # Eight bytes a game are less than any object takes. What grows does so every time; what the
    # interpreter keeps for itself, after other tests, does not.
    measured = (added(lambda: play(env, action)) for _ in range(3))
    assert any(grown < 100 * 8 for grown in measured)


def test_text() -> None:
    check(play_aec, red_team_v0.env(**GAME, max_turns=2))
    check(play_parallel, red_team_v0.parallel_env(**GAME))
    check(play_vector, red_team_v0.vector_env(3, **GAME))


def test_jailbreak() -> None:
    check(play_aec, jailbreak_v0.env(**GAME, intent=FunctionIntent(always)))


def test_single_agent() -> None:
    check(play_gymnasium, red_team_v0.single_agent_env(**GAME, **SEAT))
    check(play_gymnasium_vector, red_team_v0.single_agent_vector_env(3, **GAME, **SEAT))


def test_tokens(word_tokenizer: PreTrainedTokenizerFast) -> None:
    rng = np.random.default_rng(0)
    tokens = {"action_format": "tokens", "tokenizer": word_tokenizer, "max_tokens": 4}
    game: dict[str, Any] = {**GAME, **tokens, "max_context": 16}

    def token() -> int:
        return int(rng.integers(1, 20))

    check(play_aec, red_team_v0.env(**game), token)
    check(play_vector, red_team_v0.vector_env(3, **game), token)


def test_matrix() -> None:
    check(play_aec, matrix_v0.env(), lambda: 1)
