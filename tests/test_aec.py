"""The AEC view: PettingZoo's bookkeeping around one game."""

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from llm_game_env.diversity import Diversity
from llm_game_env.errors import IllegalAction, RewardError
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.seeds import Seed

MakeEnv = Callable[..., Any]
AGENTS = ["adversary_0", "defender_0"]


def lengths(exchanges: Sequence[Exchange]) -> list[float]:
    return [float(len(exchange.prompt)) for exchange in exchanges]


def play(env: Any, texts: Sequence[str], seed: int | None = None) -> list[Any]:
    """A whole game by PettingZoo's loop; everything that was seen."""
    env.reset(seed=seed)
    messages, seen = iter(texts), []
    for agent in env.agent_iter():
        observation, reward, terminated, truncated, info = env.last()
        seen.append((agent, observation, reward, terminated, truncated, info))
        env.step(None if terminated else next(messages))
    return seen


def test_the_standard_loop(make_env: MakeEnv) -> None:
    env = make_env(max_turns=2)
    seen = play(env, ["p", "0.5", "q", "0.25"], seed=0)
    assert [agent for agent, *_ in seen] == AGENTS * 3
    assert [reward for _, _, reward, *_ in seen] == [0.0, 0.0, -0.5, 0.5, -0.25, 0.25]
    assert [terminated for *_, terminated, _, _ in seen] == [False] * 4 + [True] * 2
    assert not any(truncated for *_, truncated, _ in seen)
    assert [info["score"] for *_, info in seen] == [0.0, 0.0, 0.5, 0.0, 0.25, 0.25]
    assert [o["turn"] for _, o, *_ in seen] == [0, 0, 1, 1, 2, 2]
    assert env.agents == []
    assert env.possible_agents == AGENTS


def test_rewards_are_per_step_and_accumulate_per_agent(make_env: MakeEnv) -> None:
    env = make_env(max_turns=2)
    env.reset(seed=0)
    env.step("p")
    assert env.rewards == dict.fromkeys(AGENTS, 0.0)
    env.step("0.5")
    assert env.rewards == {"adversary_0": -0.5, "defender_0": 0.5}
    assert env.last()[1] == -0.5
    env.step("q")
    assert env.rewards == dict.fromkeys(AGENTS, 0.0)
    assert env.last()[1] == 0.5
    assert all(type(reward) is float for reward in env.rewards.values())


def test_infos_are_the_same_floats_always(make_env: MakeEnv, letter_likeness: Diversity) -> None:
    for diversity in (None, letter_likeness):
        env = make_env(diversity=diversity, seed_prompts=[Seed("a", "benign"), Seed("b")])
        for *_, info in play(env, ["a", "1"], seed=1) + play(env, ["", "1"]):
            assert set(info) == {
                *("score", "likeness", "self_bleu", "embedding", "valid", "intent"),
                *("seed_prompt_index", "harmful"),
            }
            assert all(type(value) is float for value in info.values())
            assert info["harmful"] == info["seed_prompt_index"]


def test_observations_are_in_their_space_and_fresh(make_env: MakeEnv) -> None:
    env = make_env(max_turns=2, system_prompts={"defender_0": "Be safe."})
    for agent in AGENTS:
        assert env.observation_space(agent) is env.observation_space(agent)
        assert env.action_space(agent) is env.action_space(agent)
    env.reset(seed=0)
    for text in ("p", "0.5", "q", "0.25"):
        for agent in AGENTS:
            observation = env.observe(agent)
            assert env.observation_space(agent).contains(observation)
            observation["messages"].clear()
            assert env.observe(agent)["messages"]
        env.step(text)
    assert env.observe("defender_0")["messages"] == [
        {"role": "system", "content": "Be safe."},
        {"role": "user", "content": "p"},
        {"role": "assistant", "content": "0.5"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "0.25"},
    ]


@pytest.mark.parametrize("action", [None, 3, "long text"])
def test_an_illegal_action_changes_nothing(make_env: MakeEnv, action: Any) -> None:
    env = make_env(max_chars=4)
    env.reset(seed=0)
    env.step("p")
    with pytest.raises(IllegalAction) as caught:
        env.step(action)
    assert caught.value.rows == (0,)
    assert env.agent_selection == "defender_0"
    env.step("0.5")
    assert env.rewards == {"adversary_0": -0.5, "defender_0": 0.5}


def test_a_reward_error_changes_nothing(make_env: MakeEnv) -> None:
    answers = [[float("nan")], [0.5]]
    env = make_env(reward_model=FunctionReward(lambda _: answers.pop(0)))
    env.reset(seed=0)
    env.step("p")
    before = env.last()
    with pytest.raises(RewardError, match="nan"):
        env.step("x")
    assert env.last() == before
    env.step("x")
    assert env.last()[1] == -0.5


def test_after_the_end_only_none_is_taken(make_env: MakeEnv) -> None:
    env = make_env()
    env.reset(seed=0)
    env.step("p")
    env.step("1")
    with pytest.raises(ValueError, match="None"):
        env.step("more")


def test_history_over_games(make_env: MakeEnv, letter_likeness: Diversity) -> None:
    env = make_env(diversity=letter_likeness)

    def paid(prompt: str, seed: int | None = None) -> float:
        return play(env, [prompt, "0"], seed)[-2][2]

    assert [paid("a", seed=0), paid("a"), paid("b"), paid("a", seed=0)] == [0.0, -2.0, 0.0, 0.0]
    assert len(letter_likeness) == 0


def test_a_saved_state_goes_on_identically(make_env: MakeEnv, letter_likeness: Diversity) -> None:
    env, other = (make_env(diversity=letter_likeness) for _ in range(2))
    play(env, ["a", "1"], seed=4)
    other.unwrapped.load_state_dict(env.unwrapped.state_dict())
    assert other.unwrapped.agents == []
    games = [[play(view, ["ab", "0.5"]) for _ in range(4)] for view in (env, other)]
    assert games[0] == games[1]


def test_pickles_in_the_middle_of_a_game(make_env: MakeEnv, letter_likeness: Diversity) -> None:
    env = make_env(reward_model=FunctionReward(lengths), max_turns=2, diversity=letter_likeness)
    env.reset(seed=0)
    env.step("abc")
    copy = pickle.loads(pickle.dumps(env))
    for view in (env, copy):
        view.step("x")
        view.step("ab")
        view.step("y")
    assert copy.rewards == env.rewards
    assert copy.rewards["defender_0"] == 2.0
    assert copy.unwrapped.transcript() == env.unwrapped.transcript()
    for view in (env, copy):
        view.reset()
    assert copy.last() == env.last()


def test_rendering(make_env: MakeEnv, capsys: pytest.CaptureFixture[str]) -> None:
    game = (
        "seed prompt [harmful]: only\n  adversary: p\n  defender:  1\n"
        "  score 1.000, likeness 0.000, valid 1.000; rewards: adversary -1.000, defender 1.000"
    )
    silent = make_env(seed_prompts=["only"])
    play(silent, ["p", "1"], seed=0)
    assert silent.render() is None
    ansi = make_env(seed_prompts=["only"], render_mode="ansi")
    play(ansi, ["p", "1"], seed=0)
    assert ansi.render() == game
    assert capsys.readouterr().out == ""
    human = make_env(seed_prompts=["only"], render_mode="human")
    play(human, ["p", "1"], seed=0)
    assert capsys.readouterr().out == game + "\n"
    assert human.render() is None
    assert capsys.readouterr().out == ""  # all of it was printed while it was played
    human.close()


def test_no_global_generator_is_touched(make_env: MakeEnv, letter_likeness: Diversity) -> None:
    before = str(np.random.get_state())
    env = make_env(diversity=letter_likeness)
    env.action_space("adversary_0").seed(0)
    play(env, [env.action_space("adversary_0").sample(), "1"], seed=0)
    assert str(np.random.get_state()) == before
