"""The action mask in the infos."""

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from llm_game_env import red_team_v0
from llm_game_env.adapters import mask_in_info
from llm_game_env.errors import ConfigurationError

MASK = {"adversary_0": ["the cat", "no"]}


def test_the_aec_view(game: dict[str, Any]) -> None:
    plain, adapted = (red_team_v0.env(**game, action_mask=MASK) for _ in range(2))
    adapted = mask_in_info(adapted)
    for env in (plain, adapted):
        env.reset(seed=3)
    while plain.agents:
        agent = plain.agent_selection
        assert adapted.agent_selection == agent
        seen, reward, terminated, _, infos = plain.last()
        ids, adapted_reward, adapted_terminated, _, adapted_infos = adapted.last()
        assert seen is not None
        assert ids is not None
        assert np.array_equal(ids, seen["observation"])
        assert (adapted_reward, adapted_terminated) == (reward, terminated)
        assert adapted_infos["to_move"] == float(seen["to_move"])
        assert np.array_equal(adapted_infos["action_mask"], seen["action_mask"])
        assert adapted_infos["action_mask"].dtype == np.int8
        assert {name: adapted_infos[name] for name in infos} == infos
        assert set(adapted.infos) == set(plain.infos)
        action = None if terminated else int(np.flatnonzero(seen["action_mask"])[-1])
        plain.step(action)
        adapted.step(action)


def test_the_parallel_view(game: dict[str, Any]) -> None:
    plain, adapted = (red_team_v0.parallel_env(**game, action_mask=MASK) for _ in range(2))
    adapted = mask_in_info(adapted)
    steps, adapted_steps = (env.reset(seed=3) for env in (plain, adapted))
    for _ in range(20):
        observations, *rest, infos = steps
        ids, *adapted_rest, adapted_infos = adapted_steps
        assert adapted_rest == rest
        assert set(ids) == set(observations)
        for agent, seen in observations.items():
            assert np.array_equal(ids[agent], seen["observation"])
            assert np.array_equal(adapted_infos[agent]["action_mask"], seen["action_mask"])
            assert adapted_infos[agent]["to_move"] == float(seen["to_move"])
            assert set(adapted_infos[agent]) == {*infos[agent], "action_mask", "to_move"}
        actions = {
            agent: int(np.flatnonzero(seen["action_mask"])[-1])
            for agent, seen in observations.items()
        }
        steps, adapted_steps = plain.step(actions), adapted.step(actions)
    assert not plain.agents
    assert steps == adapted_steps == ({}, {}, {}, {}, {})


def test_the_spaces(game: dict[str, Any]) -> None:
    for env in (
        mask_in_info(red_team_v0.env(**game)),
        mask_in_info(red_team_v0.parallel_env(**game)),
    ):
        for agent in env.possible_agents:
            space = env.observation_space(agent)
            assert space == spaces.Box(0, 27, (16,), np.int64)
            assert env.observation_space(agent) is space
            assert env.observation_spaces[agent] is space
            assert env.action_space(agent) is env.action_space(agent)


def test_text_has_no_masks() -> None:
    for make in (red_team_v0.env, red_team_v0.parallel_env):
        with pytest.raises(ConfigurationError, match="action_format='tokens'"):
            mask_in_info(make(reward_model="judge"))
