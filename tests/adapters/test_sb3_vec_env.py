"""One agent's seat in many games behind Stable-Baselines3's `VecEnv`."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from llm_game_env import jailbreak_v0, red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError, IllegalAction
from llm_game_env.players import EchoPlayer
from llm_game_env.rewards import FunctionIntent

AGENTS = ["adversary_0", "defender_0"]


def same(one: Any, other: Any) -> bool:
    """Whether two nests of dicts, lists and arrays are equal, kinds of numbers included."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("agent", AGENTS)
def test_it_plays_as_gymnasiums_batched_view_does(
    seat: dict[str, Any], agent: str, letter_likeness: Diversity
) -> None:
    """Step by step, with an opponent that draws and a history that the rows share."""
    seat |= {"diversity": letter_likeness}
    ours = red_team_v0.sb3_vec_env(3, agent=agent, **seat)
    theirs = red_team_v0.single_agent_vector_env(3, agent=agent, autoreset_mode="SameStep", **seat)
    assert ours.observation_space == theirs.single_observation_space
    assert ours.action_space == theirs.single_action_space
    ours.seed(7)
    observations, infos = theirs.reset(seed=7)
    assert same(ours.reset(), observations)
    rng = np.random.default_rng(0)
    ended = 0
    for _ in range(40):
        actions = rng.integers(0, 6, size=3)
        mine, rewards, dones, my_infos = ours.step(actions)
        observations, their_rewards, terminations, _, infos = theirs.step(actions)
        assert same(mine, observations)
        assert rewards.dtype == np.float32
        assert np.array_equal(rewards, their_rewards.astype(np.float32))
        assert np.array_equal(dones, terminations)
        ended += int(dones.sum())
        for row in range(3):
            last = infos["final_info"] if dones[row] else infos
            for name in ("score", "likeness", "self_bleu", "embedding", "valid", "intent"):
                assert my_infos[row][name] == last[name][row]
            assert ours.reset_infos[row]["seed_prompt_index"] == infos["seed_prompt_index"][row]
            if dones[row]:
                assert same(my_infos[row]["terminal_observation"], infos["final_obs"][row])
            assert same(ours.env_method("action_masks")[row], theirs.action_masks()[row])
            assert ours.get_attr("exchanges")[row] == theirs.exchanges(row)
    assert ended > 9


@pytest.mark.parametrize("agent", AGENTS)
def test_it_does_what_stable_baselines_own_batching_of_single_games_does(
    seat: dict[str, Any], agent: str
) -> None:
    """The opponents draw nothing, so that each row is a game of its own."""
    seat |= {"opponent": EchoPlayer()}
    ours = red_team_v0.sb3_vec_env(3, agent=agent, **seat)
    theirs = DummyVecEnv([lambda: red_team_v0.single_agent_env(agent=agent, **seat)] * 3)
    assert ours.seed(4) == theirs.seed(4)
    assert same(ours.reset(), theirs.reset())
    assert ours.reset_infos == theirs.reset_infos
    rng = np.random.default_rng(1)
    for _ in range(40):
        actions = rng.integers(0, 6, size=3)
        assert same(ours.step(actions), theirs.step(actions))
        assert ours.reset_infos == theirs.reset_infos


def test_seeds_count_once(seat: dict[str, Any]) -> None:
    env = red_team_v0.sb3_vec_env(4, agent="defender_0", **seat)
    first, second = [], []
    for games in (first, second):
        assert env.seed(11) == [11, 12, 13, 14]
        for _ in range(6):
            games.append(env.reset()["observation"].tolist())
    assert first == second
    assert len({str(observation) for observation in first}) > 1


def test_a_seed_from_nowhere_leaves_numpys_global_generator(seat: dict[str, Any]) -> None:
    env = red_team_v0.sb3_vec_env(2, agent="defender_0", **seat)
    before = np.random.get_state()[1].tolist()  # pyright: ignore[reportArgumentType]
    first, second = env.seed()
    assert isinstance(first, int)
    assert second == first + 1
    assert np.random.get_state()[1].tolist() == before  # pyright: ignore[reportArgumentType]


def test_the_opponent_is_asked_once_a_step(seat: dict[str, Any]) -> None:
    class Counting(EchoPlayer):
        asked: list[int] = []  # noqa: RUF012 - shared on purpose

        def reply(self, conversations: Any, *arguments: Any, **others: Any) -> list[str]:
            self.asked.append(len(conversations))
            return super().reply(conversations, *arguments, **others)

    env = red_team_v0.sb3_vec_env(5, agent="adversary_0", **seat | {"opponent": Counting()})
    env.reset()
    env.step(np.array([0, 0, 1, 0, 0]))
    assert Counting.asked == [4]


def test_the_masks_are_found_by_sb3_contrib(seat: dict[str, Any]) -> None:
    legal = {"adversary_0": ["the cat", "no"]}
    env = VecMonitor(red_team_v0.sb3_vec_env(3, agent="adversary_0", action_mask=legal, **seat))
    env.reset()
    assert is_masking_supported(env)
    masks = get_action_masks(env)
    assert masks.shape == (3, 23)
    assert masks.dtype == bool
    assert masks.sum(axis=1).tolist() == [2, 2, 2]
    model = MaskablePPO("MultiInputPolicy", env, n_steps=8, batch_size=8)
    model.learn(48)  # A masked action would raise.


def test_episodes_are_recorded_by_its_own_monitor(seat: dict[str, Any]) -> None:
    env = VecMonitor(red_team_v0.sb3_vec_env(2, agent="defender_0", **seat | {"max_turns": 1}))
    env.reset()
    env.step(np.array([6, 6]))
    _, rewards, dones, infos = env.step(np.array([0, 6]))
    assert dones.tolist() == [True, False]
    assert infos[0]["episode"]["r"] == rewards[0]
    assert infos[0]["episode"]["l"] == 2
    assert "episode" not in infos[1]


def test_learners_without_a_mask_run(seat: dict[str, Any]) -> None:
    """What the mask forbids ends the message; Stable-Baselines3's own networks are used."""
    arguments = {"action_mask": {"adversary_0": ["the cat"]}, "illegal": "end_message"}
    env = red_team_v0.sb3_vec_env(2, agent="adversary_0", **seat, **arguments)
    PPO("MultiInputPolicy", env, n_steps=16, batch_size=8).learn(64)
    DQN("MultiInputPolicy", env, learning_starts=8, buffer_size=50).learn(40)


def test_options_by_row(seat: dict[str, Any], letter_likeness: Diversity) -> None:
    seat["diversity"] = letter_likeness
    env = red_team_v0.sb3_vec_env(2, agent="adversary_0", **seat)
    env.set_options([{"seed_prompt_ids": ["2"]}, {"seed_prompt_ids": ["0"]}])
    env.reset()
    assert [infos["seed_prompt_index"] for infos in env.reset_infos] == [2.0, 0.0]
    drawn = set()
    for _ in range(20):  # They were meant for one reset.
        env.reset()
        drawn.add(env.reset_infos[0]["seed_prompt_index"])
    assert len(drawn) > 1

    def greatest_likeness() -> float:
        env.seed(0)
        env.reset()
        steps = [env.step(np.array([word, word]))[3] for word in (4, 0, 4, 0)]
        return max(info["likeness"] for infos in steps for info in infos)

    assert greatest_likeness() == pytest.approx(2)
    env.set_options({"freeze_history": True})
    assert greatest_likeness() == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([{"seed_prompt_ids": ["1"]}, {}], "for 1 of 2 games"),
        ([{"freeze_history": True}, {}], "share one history"),
        ({"seed_prompt_ids": ["9"]}, "9"),
        ({"seed_prompt_ids": ["0", "1"]}, "names 2 seed prompts for 1 games"),
    ],
)
def test_options_are_checked(seat: dict[str, Any], options: Any, words: str) -> None:
    env = red_team_v0.sb3_vec_env(2, agent="adversary_0", **seat)
    env.set_options(options)
    with pytest.raises(ConfigurationError, match=words):
        env.reset()


def test_illegal_actions_change_nothing(seat: dict[str, Any]) -> None:
    env, untouched = (red_team_v0.sb3_vec_env(2, agent="adversary_0", **seat) for _ in range(2))
    with pytest.raises(IllegalAction, match="call reset"):
        env.step(np.array([0, 0]))
    for games in (env, untouched):
        games.seed(3)
        games.reset()
    for actions, rows in (([3], (0, 1)), ([3, 23], (1,)), ([0.0, 0.0], (0, 1))):
        with pytest.raises(IllegalAction) as caught:
            env.step(np.array(actions))
        assert caught.value.rows == rows
    for actions in (np.array([3, 4]), np.array([0, 5])):
        for mine, others in zip(env.step(actions), untouched.step(actions), strict=True):
            assert same(mine, others)


def test_attributes_of_rows(seat: dict[str, Any]) -> None:
    env = red_team_v0.sb3_vec_env(3, agent="adversary_0", **seat)
    env.reset()
    assert env.get_attr("render_mode") == [None] * 3
    env.set_attr("note", "x", indices=1)
    assert env.get_attr("note", indices=[1]) == ["x"]
    assert not env.has_attr("note")
    assert env.env_is_wrapped(Monitor, indices=[0, 2]) == [False, False]
    env.step(np.array([0, 3, 3]))
    assert "adversary: " in env.env_method("transcript", indices=0)[0]
    env.close()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"action_format": "text"}, "action_format='text'"),
        ({"agent": "judge_0"}, "agent='judge_0'"),
        ({"num_envs": 0}, "num_envs=0"),
        ({"num_envs": 1.5}, "num_envs=1.5"),
    ],
)
def test_bad_arguments_are_refused(reward: Any, changed: dict[str, Any], words: str) -> None:
    arguments: dict[str, Any] = {"num_envs": 2, "agent": "adversary_0", "seed_prompts": ["s"]}
    arguments |= {"reward_model": reward, "opponent": EchoPlayer()}
    with pytest.raises(ConfigurationError, match=words):
        red_team_v0.sb3_vec_env(**arguments | changed)


def test_jailbreaks(seat: dict[str, Any]) -> None:
    intent = FunctionIntent(lambda goal, prompt: goal in prompt)
    env = jailbreak_v0.sb3_vec_env(2, agent="adversary_0", intent=intent, **seat)
    env.reset()
    _, rewards, _, infos = env.step(np.array([0, 0]))
    assert [info["intent"] for info in infos] == [0.0, 0.0]
    assert rewards.tolist() == [-1.0, -1.0]


def test_no_torch_before_it_is_needed() -> None:
    program = (
        "import sys, llm_game_env, llm_game_env.adapters\n"
        "heavy = {'torch', 'stable_baselines3', 'supersuit', 'tianshou'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_everything_in_the_room_is_reached() -> None:
    from llm_game_env import adapters

    assert {name for name in adapters.__all__ if callable(getattr(adapters, name))} == set(
        adapters.__all__
    )
    missing: Callable[[], Any] = lambda: adapters.nothing  # noqa: E731
    with pytest.raises(AttributeError, match="nothing"):
        missing()
