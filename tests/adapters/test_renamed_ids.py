"""The ids under the key `observations`."""

from typing import Any

import numpy as np
import pytest

from llm_game_env import red_team_v0
from llm_game_env.adapters import observations_key
from llm_game_env.errors import ConfigurationError


def renamed(one: Any, other: Any) -> bool:
    """Whether the second is the first but for the key."""
    assert set(one) == {"observation", "action_mask", "to_move"}
    assert set(other) == {"observations", "action_mask", "to_move"}
    pairs = [("observation", "observations"), ("action_mask", "action_mask")]
    same = all(np.array_equal(one[old], other[new]) for old, new in pairs)
    return same and one["to_move"] == other["to_move"]


def test_the_aec_view(game: dict[str, Any]) -> None:
    plain, adapted = red_team_v0.env(**game), observations_key(red_team_v0.env(**game))
    for env in (plain, adapted):
        env.reset(seed=3)
    while plain.agents:
        seen, *rest = plain.last()
        adapted_seen, *adapted_rest = adapted.last()
        assert renamed(seen, adapted_seen)
        assert adapted_seen in adapted.observation_space(adapted.agent_selection)
        assert adapted_rest == rest
        action = None if rest[1] else 5
        plain.step(action)
        adapted.step(action)
    assert not adapted.agents


def test_the_parallel_view(game: dict[str, Any]) -> None:
    plain = red_team_v0.parallel_env(**game)
    adapted = observations_key(red_team_v0.parallel_env(**game))
    steps, adapted_steps = (env.reset(seed=3) for env in (plain, adapted))
    for _ in range(20):
        assert set(adapted_steps[0]) == set(steps[0])
        for agent in steps[0]:
            assert renamed(steps[0][agent], adapted_steps[0][agent])
            assert adapted_steps[0][agent] in adapted.observation_space(agent)
        assert adapted_steps[1:] == steps[1:]
        actions = dict.fromkeys(plain.possible_agents, 5)
        steps, adapted_steps = plain.step(actions), adapted.step(actions)
    assert not plain.agents


def test_the_spaces(game: dict[str, Any]) -> None:
    for make in (red_team_v0.env, red_team_v0.parallel_env):
        env = observations_key(make(**game))
        for agent in env.possible_agents:
            space = env.observation_space(agent)
            assert set(space) == {"observations", "action_mask", "to_move"}
            assert env.observation_space(agent) is space
            assert env.observation_spaces[agent] is space
            assert env.action_space(agent) is env.action_space(agent)


def test_text_is_refused() -> None:
    for make in (red_team_v0.env, red_team_v0.parallel_env):
        with pytest.raises(ConfigurationError, match="action_format='tokens'"):
            observations_key(make(reward_model="judge"))
