"""Gymnasium's own check of the single-agent views, and its wrappers around them."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RecordEpisodeStatistics
from gymnasium.wrappers.vector import RecordEpisodeStatistics as RecordVectorStatistics

from conformance_kit.examples import EXAMPLES, SEATED, seat_arguments
from llm_game_env.registration import SEATS

# Made by id, so that every declared render mode is tried too.
CASES = [
    pytest.param(f"llm_game_env/{known_as}", name, agent, id=f"{known_as}-{name.split('-')[1]}")
    for known_as, (module, agent) in SEATS.items()
    for name in SEATED
    if module.startswith(name.split("-")[0])
]
every_seat = pytest.mark.parametrize(("known_as", "name", "agent"), CASES)


def made(known_as: str, name: str, agent: str, **changed: Any) -> Any:
    arguments = seat_arguments(EXAMPLES[name], agent) | changed
    assert arguments.pop("agent") == agent  # the id says who learns
    return gymnasium.make(known_as, **arguments)


@every_seat
def test_gymnasiums_own_check(known_as: str, name: str, agent: str) -> None:
    check_env(made(known_as, name, agent).unwrapped)


@every_seat
def test_statistics_and_time_limits(known_as: str, name: str, agent: str) -> None:
    env = RecordEpisodeStatistics(made(known_as, name, agent, max_episode_steps=1))
    env.reset(seed=0)
    *_, truncated, infos = env.step(env.action_space.sample())
    assert truncated
    assert infos["episode"]["l"] == 1


@every_seat
def test_statistics_of_the_batched_view(known_as: str, name: str, agent: str) -> None:
    arguments: dict[str, Any] = seat_arguments(EXAMPLES[name], agent) | {"max_turns": 1}
    del arguments["agent"]
    env = RecordVectorStatistics(gymnasium.make_vec(known_as, num_envs=3, **arguments))
    env.reset(seed=0)
    env.action_space.seed(0)
    terminations, infos = np.zeros(3, dtype=bool), {}
    while not terminations.any():
        _, _, terminations, _, infos = env.step(env.action_space.sample())
    assert (infos["episode"]["l"] > 0).tolist() == terminations.tolist()
