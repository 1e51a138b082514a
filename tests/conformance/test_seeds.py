"""The same seed is the same game in every view.

PettingZoo's own test of parallel environments looks at the first step alone: it takes the names of
the agents for the ends of their games.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from conformance_kit.contract import AGENTS
from conformance_kit.examples import EXAMPLES, SEATED, play, seat_arguments
from conformance_kit.sameness import same
from llm_game_env.players import ScriptedPlayer

Games = Iterator[Any]


def aec_games(name: str, seed: int) -> Games:
    env = EXAMPLES[name].module.env(**EXAMPLES[name].arguments)
    yield from play(env, seed)
    for _ in range(3):  # the next games follow from the seed as well
        env.reset()
        yield env.last()


def parallel_games(name: str, seed: int) -> Games:
    env = EXAMPLES[name].module.parallel_env(**EXAMPLES[name].arguments)
    yield env.reset(seed=seed)
    for agent in AGENTS:
        env.action_space(agent).seed(seed)
    for _ in range(4):
        while env.agents:
            yield env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        yield env.reset()


def vector_games(name: str, seed: int) -> Games:
    games = EXAMPLES[name].module.vector_env(3, **EXAMPLES[name].arguments)
    games.reset(seed=seed)
    for agent in AGENTS:
        games.action_space(agent).seed(seed)
    for _ in range(3):
        while games.active.any():
            yield games.last()
            games.step([games.action_space(games.agent_selection).sample() for _ in range(3)])
        games.reset()


def seat_games(name: str, seed: int) -> Games:
    for agent in AGENTS:
        # An opponent that draws what it says.
        opponent = {"opponent": ScriptedPlayer(["red", "key", "no"])}
        game = EXAMPLES[name]
        env = game.module.single_agent_env(**seat_arguments(game, agent) | opponent)
        yield env.reset(seed=seed)
        env.action_space.seed(seed)
        for _ in range(20):
            taken = env.step(env.action_space.sample())
            yield taken
            if taken[2]:
                yield env.reset()


def seat_batches(name: str, seed: int) -> Games:
    for agent in AGENTS:
        opponent = {"opponent": ScriptedPlayer(["red", "key", "no"])}
        game = EXAMPLES[name]
        env = game.module.single_agent_vector_env(3, **seat_arguments(game, agent) | opponent)
        yield env.reset(seed=seed)
        env.action_space.seed(seed)
        for _ in range(20):
            yield env.step(env.action_space.sample())


CASES: list[tuple[str, Callable[[str, int], Games]]] = [
    *[(name, games) for name in EXAMPLES for games in (aec_games, parallel_games)],
    *[(name, games) for name in SEATED for games in (vector_games, seat_games, seat_batches)],
]


@pytest.mark.parametrize(("name", "games"), CASES)
def test_the_same_seed_is_the_same_game(name: str, games: Callable[[str, int], Games]) -> None:
    """Two in one process, step by step in turn, so that neither may lean on what both share."""
    one, other = games(name, 5), games(name, 5)
    assert all(same(first, second) for first, second in zip(one, other, strict=True))
    if name in SEATED:  # nothing is drawn in a matrix game
        assert not all(map(same, games(name, 5), games(name, 6)))


@pytest.mark.parametrize(("name", "games"), CASES)
def test_no_global_generator_is_read_or_written(
    name: str, games: Callable[[str, int], Games]
) -> None:
    played = []
    for seed in (0, 1):
        np.random.seed(seed)
        random.seed(seed)
        before = str(np.random.get_state()), random.getstate()
        played.append(list(games(name, 5)))
        assert (str(np.random.get_state()), random.getstate()) == before
    assert same(played[0], played[1])
