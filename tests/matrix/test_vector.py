"""Matrix games in lock-step: every row is the AEC view's game; the protocol of the vector views."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_game_env import matrix_v0
from llm_game_env.errors import ConfigurationError, IllegalAction

PAYOFF = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
LIKENESS = [0.0, 0.25, -0.5]


@settings(max_examples=40, deadline=None)
@given(
    moves=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=5),
    information=st.sampled_from([None, [0, 0, 0], [1, 0, 1]]),
    as_array=st.booleans(),
)
def test_a_row_is_the_game_of_the_aec_view(
    moves: list[tuple[int, int]], information: Any, as_array: bool
) -> None:
    arguments: dict[str, Any] = {
        "payoff": PAYOFF,
        "information": information,
        "likeness": LIKENESS,
    }
    games = matrix_v0.vector_env(len(moves), **arguments)
    env = matrix_v0.raw_env(**arguments)
    for agent in games.possible_agents:
        assert games.observation_space(agent) == env.observation_space(agent)
        assert games.observation_space(agent) is games.observation_space(agent)
        assert games.action_space(agent) == env.action_space(agent)
    games.reset(seed=0)
    seen = []
    for played in (*zip(*moves, strict=True), None, None):
        rows = [games.observe(row, "defender_0") for row in range(len(moves))]
        seen.append((games.agent_selection, games.last(), rows, games.step_rewards.copy()))
        games.step(np.array(played) if as_array and played is not None else played)
    assert games.agents == []

    for row, game in enumerate(moves):
        env.reset(seed=row)
        for action, (agent, last, rows, step_rewards) in zip(
            (*game, None, None), seen, strict=True
        ):
            observation, reward, terminated, truncated, infos = env.last()
            assert agent == env.agent_selection
            assert (last.observations[row], rows[row]) == (observation, env.observe("defender_0"))
            assert last.rewards[row] == reward
            assert (last.terminations[row], last.truncations[row]) == (terminated, truncated)
            assert {name: column[row] for name, column in last.infos.items()} == infos
            if not terminated:
                paid = [env.rewards[agent] for agent in env.possible_agents]
                assert step_rewards[row].tolist() == paid
            env.step(action)
        assert games.transcript(row) == env.transcript()


def test_the_protocol() -> None:
    games = matrix_v0.vector_env(3, payoff=PAYOFF)
    assert (games.agents, games.active.tolist()) == ([], [False] * 3)
    with pytest.raises(IllegalAction, match="call reset"):
        games.step([0, 0, 0])
    games.reset()
    assert games.agents == ["adversary_0", "defender_0"]
    last = games.last()
    assert (last.observations.tolist(), last.observations.dtype) == ([3, 3, 3], np.int64)
    assert (last.rewards.dtype, last.terminations.dtype) == (np.float64, np.bool_)
    assert games.transcript(0) == ""
    games.step([0, 1, 2])
    assert games.active.all()
    games.step(np.array([1, 1, 0], dtype=np.uint8))
    assert not games.active.any()
    assert games.step_rewards[:, 1].tolist() == [0.2, 0.4, 0.5]
    with pytest.raises(IllegalAction, match="step with None"):
        games.step([0, 0, 0])
    assert games.last().rewards.tolist() == [-0.2, -0.4, -0.5]
    games.step(None)
    assert games.agents == ["defender_0"]
    games.step(None)
    assert games.agents == []
    games.reset()
    assert games.last().rewards.tolist() == [0.0] * 3
    assert games.last().infos["score"].tolist() == [0.0] * 3
    games.close()


def test_handed_out_arrays_are_copies() -> None:
    games = matrix_v0.vector_env(2, payoff=PAYOFF)
    games.reset()
    prompts = np.array([0, 1])
    games.step(prompts)
    for column in (prompts, games.last().observations, games.last().rewards, games.active):
        column[:] = 1
    games.step([0, 0])
    games.last().infos["score"][:] = 9
    assert games.last().infos["score"].tolist() == [0.1, 0.3]
    assert games.last().rewards.tolist() == [-0.1, -0.3]


@pytest.mark.parametrize(
    ("actions", "rows", "words"),
    [
        ([0, 3, -1], (1, 2), r"adversary_0 plays 3 in row 1; .*Discrete\(3\) \(rows \[1, 2\]\)"),
        (np.array([0, 3, -1]), (1, 2), "plays np.int64"),
        ([0, None, 1], (1,), "plays None in row 1"),
        (["0", 1, 2], (0,), "plays '0' in row 0"),
        ([0.0, 1.0, 2.0], (0, 1, 2), "plays 0.0"),
        ([[0], [1, 2], 0], (0, 1), r"plays \[0\]"),
        (np.zeros((3, 1), int), (0, 1, 2), r"plays array\(\[0\]\)"),
        ([2**63, 0, 10**30], (0, 2), "plays 9223372036854775808"),
        ([0, 1], (0, 1, 2), "2 actions for 3 games"),
        (None, (0, 1, 2), "actions=None for 3 games"),
        ("012", (0, 1, 2), "actions='012' for 3 games"),
        ({0: 0, 1: 0, 2: 0}, (0, 1, 2), "actions={0"),
        (1, (0, 1, 2), "actions=1 for 3 games"),
    ],
)
def test_illegal_actions_change_nothing(actions: Any, rows: tuple[int, ...], words: str) -> None:
    games = matrix_v0.vector_env(3, payoff=PAYOFF)
    games.reset()
    with pytest.raises(IllegalAction, match=words) as caught:
        games.step(actions)
    assert caught.value.rows == rows
    assert games.agent_selection == "adversary_0"
    assert games.last().observations.tolist() == [3, 3, 3]
    games.step([2, 2, 2])
    games.step([1, 1, 1])
    assert games.step_rewards[:, 1].tolist() == [0.6] * 3


def test_a_state_goes_on() -> None:
    games = matrix_v0.vector_env(2)
    games.reset()
    games.step([0, 1])
    games.load_state_dict(games.state_dict())
    assert (games.agents, games.active.any()) == ([], False)
    games.reset()
    assert games.last().observations.tolist() == [2, 2]
    env = matrix_v0.raw_env()
    env.reset()
    env.load_state_dict(env.state_dict())
    assert env.agents == []


def test_arguments_are_checked() -> None:
    for number in (0, -1, 2.0, True, None, "2"):
        with pytest.raises(ConfigurationError, match=f"num_envs={number!r} must be a whole number"):
            matrix_v0.vector_env(number)  # pyright: ignore[reportArgumentType]
    games = matrix_v0.vector_env(2)
    games.reset(seed=[3, 4], options={"unknown": 1})
    games.step([1, 0])
    for refused in ({"seed": [1]}, {"seed": -1}, {"options": [1]}):
        with pytest.raises(ConfigurationError):
            games.reset(**refused)  # pyright: ignore[reportArgumentType]
    assert games.last().observations.tolist() == [1, 0]
    assert games.game.value == pytest.approx(1.0)
