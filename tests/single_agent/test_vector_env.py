"""One agent's seat in many games behind Gymnasium's `VectorEnv`."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import iterate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError, IllegalAction


def same(one: Any, other: Any) -> bool:
    """Whether two nests of dicts, tuples and arrays are equal."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple) or (isinstance(one, np.ndarray) and one.dtype == object):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(np.array_equal(one, other)) if isinstance(one, np.ndarray) else one == other


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data(), agent=st.sampled_from(["adversary_0", "defender_0"]))
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("action_format", ["text", "tokens"])
def test_it_does_what_gymnasiums_own_batching_of_single_games_does(
    arguments: dict[str, Any],
    token_arguments: dict[str, Any],
    action_format: str,
    mode: AutoresetMode,
    data: st.DataObject,
    agent: str,
) -> None:
    """The opponents draw nothing, so that each row is a game of its own."""
    arguments |= {"max_turns": data.draw(st.integers(1, 2))}
    if action_format == "tokens":
        arguments = token_arguments | {"opponent": arguments["opponent"]}
    ours = red_team_v0.single_agent_vector_env(3, agent=agent, autoreset_mode=mode, **arguments)
    theirs = SyncVectorEnv(
        [lambda: red_team_v0.single_agent_env(agent=agent, **arguments)] * 3, autoreset_mode=mode
    )
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.metadata["autoreset_mode"] == theirs.metadata["autoreset_mode"]
    assert all(map(same, ours.reset(seed=4), theirs.reset(seed=4)))
    texts, tokens = st.sampled_from(["0.5", "1", "0.25"]), st.integers(0, 6)
    action = tokens if action_format == "tokens" else texts
    for _ in range(8):
        actions = data.draw(st.tuples(action, action, action))
        batch = np.array(actions) if action_format == "tokens" else actions
        mine, others = ours.step(batch), theirs.step(batch)
        for one, other in zip(mine, others, strict=True):
            assert same(one, other)
        assert mine[0] in ours.observation_space


def test_the_opponent_is_asked_once_a_step(arguments: dict[str, Any], counting: Any) -> None:
    env = red_team_v0.single_agent_vector_env(5, agent="adversary_0", **arguments)
    env.reset(seed=0)
    env.step(["p"] * 5)
    assert [len(conversations) for conversations in counting.seen] == [5]


def test_games_without_autoreset(arguments: dict[str, Any]) -> None:
    arguments["max_turns"] = 1
    env = red_team_v0.single_agent_vector_env(
        3, agent="adversary_0", autoreset_mode="Disabled", **arguments
    )
    env.reset(seed=0)
    *_, terminations, _, _ = env.step(["p"] * 3)
    assert terminations.all()
    with pytest.raises(IllegalAction, match=r"rows \[0, 1, 2\] are over") as caught:
        env.step(["p"] * 3)
    assert caught.value.rows == (0, 1, 2)
    observations, infos = env.reset(options={"reset_mask": np.array([True, False, True])})
    assert infos["_score"].tolist() == [True, False, True]
    assert observations["turn"].tolist() == [0, 1, 0]
    with pytest.raises(IllegalAction, match=r"rows \[1\]"):
        env.step(["p"] * 3)


def test_an_illegal_action_leaves_every_row(arguments: dict[str, Any]) -> None:
    env = red_team_v0.single_agent_vector_env(2, agent="adversary_0", **arguments)
    before, _ = env.reset(seed=0)
    for actions in (["p"], "pp", ["p", 3], None, 2, {0: "p", 1: "q"}):
        with pytest.raises(IllegalAction):
            env.step(actions)
    after, *_ = env.step(["p", "q"])
    assert [m[:1] for m in after["messages"]] == list(before["messages"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"reset_mask": [True]}, "reset_mask"),
        ({"reset_mask": np.zeros(2, dtype=bool)}, "reset_mask"),
        ({"reset_mask": np.ones(2)}, "reset_mask"),
        ({"seed_prompt_ids": ["0"]}, "names 1 seed prompts for 2 games"),
        ({"seed_prompt_ids": ["0", "9"]}, "9"),
    ],
)
def test_options_are_checked(arguments: dict[str, Any], options: Any, words: str) -> None:
    env = red_team_v0.single_agent_vector_env(2, agent="adversary_0", **arguments)
    with pytest.raises(ConfigurationError, match=words):
        env.reset(options=options)
    with pytest.raises(ConfigurationError, match="3 entries for 2"):
        env.reset(seed=[1, 2, 3])


def test_a_seed_with_a_mask_is_refused(arguments: dict[str, Any]) -> None:
    env = red_team_v0.single_agent_vector_env(2, agent="adversary_0", **arguments)
    with pytest.raises(ConfigurationError, match="leave one out"):
        env.reset(seed=1, options={"reset_mask": np.ones(2, dtype=bool)})


@pytest.mark.parametrize(
    ("num_envs", "mode"), [(0, "NextStep"), (1.5, "NextStep"), (True, "NextStep"), (1, "never")]
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], num_envs: Any, mode: str) -> None:
    with pytest.raises(ConfigurationError):
        red_team_v0.single_agent_vector_env(
            num_envs, agent="adversary_0", autoreset_mode=mode, **arguments
        )


def test_masks_of_all_rows(token_arguments: dict[str, Any]) -> None:
    env = red_team_v0.single_agent_vector_env(
        3, agent="adversary_0", **token_arguments, action_mask={"adversary_0": ["the cat"]}
    )
    env.reset(seed=0)
    assert env.action_masks().shape == (3, 23)
    assert env.action_masks().sum() == 3


def test_made_by_gymnasium() -> None:
    env = gymnasium.make_vec(
        "llm_game_env:llm_game_env/RedTeamDefender-v0",
        num_envs=3,
        reward_model="judge",
        action_format="tokens",
        max_tokens=4,
    )
    assert type(env.unwrapped).__name__ == "SingleAgentVectorEnv"
    observations, _ = env.reset(seed=1)
    assert observations["observation"].shape == (3, 128)
    for _ in range(9):
        env.step(env.action_space.sample())
    env.close()


def test_rows_of_a_batch_can_be_iterated(arguments: dict[str, Any]) -> None:
    env = red_team_v0.single_agent_vector_env(2, agent="adversary_0", **arguments)
    observations, _ = env.reset(seed=0)
    for row in iterate(env.observation_space, observations):
        assert row in env.single_observation_space


def test_transcripts_of_all_rows(arguments: dict[str, Any]) -> None:
    games = red_team_v0.single_agent_vector_env(
        2, agent="adversary_0", render_mode="ansi", **arguments
    )
    games.reset(seed=0)
    games.step(("p", "q"))
    shown = games.render()
    assert shown is not None
    assert shown == tuple(games.transcript(row) for row in range(2))
    assert ["  adversary: p" in shown[0], "  adversary: q" in shown[1]] == [True, True]
    silent = red_team_v0.single_agent_vector_env(2, agent="adversary_0", **arguments)
    assert silent.render() is None
