"""The matrix game as an environment: moves, observations, rewards, what is refused."""

import numpy as np
import pytest

from llm_game_env import matrix_v0
from llm_game_env.errors import ConfigurationError, IllegalAction
from llm_game_env.matrix.env import MatrixGameEnv

PAYOFF = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])


def test_a_game_goes_prompt_response_end() -> None:
    env = matrix_v0.raw_env(PAYOFF, likeness=[0.0, 0.25, 0.0])
    env.reset(seed=3)
    assert env.agent_selection == "adversary_0"
    assert env.observe("adversary_0") == env.observe("defender_0") == 3
    assert type(env.observe("adversary_0")) is np.int64
    env.step(1)
    assert env.agent_selection == "defender_0"
    assert env.rewards == {"adversary_0": 0.0, "defender_0": 0.0}
    assert env.observe("adversary_0") == env.observe("defender_0") == 1
    env.step(0)
    assert env.rewards == pytest.approx({"adversary_0": -0.55, "defender_0": 0.3})
    assert env.terminations == {"adversary_0": True, "defender_0": True}
    assert env.truncations == {"adversary_0": False, "defender_0": False}
    assert env.infos["adversary_0"] == pytest.approx({"score": 0.3, "likeness": 0.25})
    for expected in ((-0.55, True), (0.3, True)):
        _, reward, termination, _, _ = env.last()
        assert (reward, termination) == (pytest.approx(expected[0]), expected[1])
        env.step(None)
    assert env.agents == []


@pytest.mark.parametrize(("information", "seen"), [(None, 2), ([0, 0, 0], 0), ([1, 0, 1], 1)])
def test_the_defender_sees_the_information_set(information: list[int] | None, seen: int) -> None:
    env = matrix_v0.raw_env(PAYOFF, information=information)
    env.reset()
    env.step(2)
    assert env.observe("defender_0") == seen
    assert env.observe("adversary_0") == 2


@pytest.mark.parametrize("action", [10**30, 3, -1, 0.5, "0", None, np.array([0])])
def test_an_illegal_move_changes_nothing(action: object) -> None:
    env = matrix_v0.raw_env(PAYOFF)
    env.reset()
    with pytest.raises(IllegalAction, match=r"give a whole number of Discrete\(3\)"):
        env.step(action)
    assert env.agent_selection == "adversary_0"
    assert env.observe("defender_0") == 3
    env.step(np.int64(2))
    env.step(1)
    assert env.rewards["defender_0"] == pytest.approx(0.6)


def test_it_knows_its_closed_forms() -> None:
    env = matrix_v0.env(payoff=PAYOFF).unwrapped
    assert isinstance(env, MatrixGameEnv)
    assert np.array_equal(env.payoff, PAYOFF)
    assert env.value == pytest.approx(0.2)  # the least of the best responses
    defender = env.best_response("defender_0", np.full(3, 1 / 3))
    assert defender.tolist() == [[0, 1]] * 3
    assert env.nash_gap(env.best_response("adversary_0", defender), defender) == pytest.approx(0)


def test_rendering(capsys: pytest.CaptureFixture[str]) -> None:
    ansi = matrix_v0.raw_env(PAYOFF, render_mode="ansi")
    ansi.reset()
    assert ansi.render() == ""
    ansi.step(1)
    assert ansi.render() == "  adversary: prompt 1"
    ansi.step(0)
    game = (
        "  adversary: prompt 1\n  defender:  response 0\n"
        "  score 0.300, likeness 0.000; rewards: adversary -0.300, defender 0.300"
    )
    assert ansi.render() == game
    assert capsys.readouterr().out == ""
    human = matrix_v0.raw_env(PAYOFF, render_mode="human")
    for _ in range(2):
        human.reset()
        assert capsys.readouterr().out == ""
        human.step(1)
        assert capsys.readouterr().out == "  adversary: prompt 1\n"
        human.step(0)
        assert capsys.readouterr().out == game.split("\n", 1)[1] + "\n"
    with pytest.raises(ConfigurationError, match="render_mode='rgb_array' must be None or one of"):
        matrix_v0.env(render_mode="rgb_array")


def test_the_parallel_view_is_the_same_game() -> None:
    env = matrix_v0.parallel_env(payoff=PAYOFF, likeness=[0.0, 0.25, 0.0])
    observations, infos = env.reset(seed=1)
    assert observations == {"adversary_0": 3, "defender_0": 3}
    assert infos["defender_0"] == {"score": 0.0, "likeness": 0.0}
    observations, rewards, terminations, truncations, _ = env.step({"adversary_0": 1})
    assert observations == {"adversary_0": 1, "defender_0": 1}
    assert rewards == {"adversary_0": 0.0, "defender_0": 0.0}
    assert not any(terminations.values()) | any(truncations.values())
    # What the waiting agent is made to do does not count, legal or not.
    _, rewards, terminations, _, infos = env.step({"adversary_0": 99, "defender_0": 0})
    assert rewards == pytest.approx({"adversary_0": -0.55, "defender_0": 0.3})
    assert all(terminations.values())
    assert env.agents == []
    assert env.step({}) == ({}, {}, {}, {}, {})


def test_the_parallel_view_knows_its_closed_forms() -> None:
    env = matrix_v0.parallel_env(payoff=PAYOFF).unwrapped
    assert np.array_equal(env.payoff, PAYOFF)
    assert env.value == pytest.approx(0.2)
    assert env.nash_gap([1, 0, 0], [[0, 1]] * 3) == pytest.approx(0)
    with pytest.raises(AttributeError, match="'TurnParallelEnv' object has no attribute 'rewards'"):
        _ = env.rewards
    env.reset()
    env.load_state_dict(env.state_dict())
    assert env.agents == []


def test_the_parallel_view_wants_the_movers_action() -> None:
    env = matrix_v0.parallel_env()
    env.reset()
    with pytest.raises(IllegalAction, match="give one for adversary_0, whose turn it is"):
        env.step({"defender_0": 0})
    with pytest.raises(IllegalAction, match=r"a whole number of Discrete\(2\)"):
        env.step({"adversary_0": 2})
    for no_dict in (None, 0, ["adversary_0"]):
        with pytest.raises(IllegalAction, match="must be a dict from agents to actions"):
            env.step(no_dict)  # pyright: ignore[reportArgumentType]
    assert env.agents == ["adversary_0", "defender_0"]
