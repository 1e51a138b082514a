"""The tokens format behind the AEC and the vector view, with ids worked out by hand."""

import copy
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from llm_game_env import red_team_v0
from llm_game_env.errors import IllegalAction, RewardError
from llm_game_env.formats.vocabulary import END, Reserved, Vocabulary
from llm_game_env.rewards import Exchange, FunctionReward

Make = Callable[..., Any]


def lengths(exchanges: Sequence[Exchange]) -> list[float]:
    """A score that both messages move; "no" cannot be scored."""
    if any(exchange.response == "no" for exchange in exchanges):
        return [float("nan")] * len(exchanges)
    return [len(e.prompt) / 100 + len(e.response) / 10 for e in exchanges]


@pytest.fixture
def arguments(word_tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "action_format": "tokens",
        "tokenizer": word_tokenizer,
        "seed_prompts": ["the cat", "a joke"],
        "instruction": "tell {seed_prompt}",
        "reward_model": FunctionReward(lengths),
        "max_tokens": 3,
        "max_context": 12,
    }


@pytest.fixture
def ids(word_tokenizer: PreTrainedTokenizerFast) -> Callable[[str], list[int]]:
    """The ids of some words; E, A and D are the markers, _ is padding."""
    vocabulary = Vocabulary(word_tokenizer)
    named = {
        "E": Reserved.ENVIRONMENT,
        "A": Reserved.ADVERSARY,
        "D": Reserved.DEFENDER,
        "_": Reserved.PADDING,
        "?": Reserved.UNKNOWN,
    }

    def read(text: str) -> list[int]:
        read: list[int] = []
        for word in text.split():
            own = [vocabulary.reserved(named[word])] if word in named else vocabulary.encode(word)
            read += own
        return read

    return read


def test_a_game_token_by_token(arguments: dict[str, Any], ids: Callable[[str], list[int]]) -> None:
    env: Any = red_team_v0.env(**arguments)
    env.reset(seed=0, options={"seed_prompt_ids": ["0"]})
    tell, me, cat, fine = ids("tell me cat fine")

    def seen() -> str:
        return env.observe("adversary_0")["observation"].tolist()

    assert seen() == ids("E tell the cat A" + 7 * " _")
    env.step(tell)
    assert env.agent_selection == "adversary_0"
    assert seen() == ids("E tell the cat A tell" + 6 * " _")
    assert env.observe("defender_0")["observation"].tolist() == ids(12 * "_ ")
    env.step(me)
    env.step(cat)  # the third token is the last
    assert env.agent_selection == "defender_0"
    assert seen() == ids("E tell the cat A tell me cat" + 4 * " _")
    observation, reward, *_ = env.last()
    assert observation["observation"].tolist() == ids("A tell me cat D" + 7 * " _")
    assert reward == 0
    env.step(fine)
    env.step(END)
    assert env.unwrapped.exchanges[0].prompt == "tell me cat"
    assert env.unwrapped.exchanges[0].response == "fine"
    assert env.unwrapped.rewards["defender_0"] == pytest.approx(0.11 + 0.4)
    assert env.unwrapped.terminations == {"adversary_0": True, "defender_0": True}


def test_masks_and_whose_turn_it_is(arguments: dict[str, Any]) -> None:
    env: Any = red_team_v0.env(**arguments)
    env.reset(seed=0)
    for mover, actions in (("adversary_0", [1, END]), ("defender_0", [2])):
        for action in actions:
            for agent in env.possible_agents:
                observation = env.observe(agent)
                assert observation in env.observation_space(agent)
                acting = agent == mover
                assert observation["action_mask"].all() == acting
                assert observation["action_mask"].sum() == (23 if acting else 1)
                assert observation["action_mask"][END] == 1
                assert observation["to_move"] == env.possible_agents.index(mover)
            env.step(action)
    assert env.agent_selection == "defender_0"


def test_the_oldest_ids_are_dropped_first(
    arguments: dict[str, Any], ids: Callable[[str], list[int]]
) -> None:
    env: Any = red_team_v0.env(**arguments | {"max_context": 5, "max_tokens": 9})
    env.reset(options={"seed_prompt_ids": ["0"]})
    observed = [env.observe("adversary_0")["observation"].tolist()]
    for action in ids("me joke"):
        env.step(action)
        observed.append(env.observe("adversary_0")["observation"].tolist())
    assert observed == [ids("E tell the cat A"), ids("tell the cat A me"), ids("the cat A me joke")]


def test_a_dialogue_that_is_too_long_from_the_start_keeps_its_end(
    arguments: dict[str, Any], ids: Callable[[str], list[int]]
) -> None:
    env: Any = red_team_v0.env(**arguments | {"max_context": 3})
    env.reset(options={"seed_prompt_ids": ["0"]})  # E tell the cat A
    assert env.observe("adversary_0")["observation"].tolist() == ids("the cat A")
    for action in (*ids("me joke"), END):
        env.step(action)
    assert env.observe("defender_0")["observation"].tolist() == ids("me joke D")


def test_context_system_prompts_and_later_turns_are_marked(
    arguments: dict[str, Any], ids: Callable[[str], list[int]]
) -> None:
    context = [{"role": "user", "content": "me"}, {"role": "assistant", "content": "fine"}]
    env: Any = red_team_v0.env(
        **arguments
        | {
            "seed_prompts": [{"prompt": "the cat", "context": context}],
            "system_prompts": {"adversary_0": "you", "defender_0": "how"},
            "max_turns": 2,
            "max_context": 18,
        }
    )
    env.reset()
    for word in ("joke", "yes"):
        env.step(ids(word)[0])
        env.step(END)
    adversary = env.observe("adversary_0")["observation"].tolist()
    assert adversary == ids("E you E tell the cat A joke D yes A" + 7 * " _")
    defender = env.observe("defender_0")["observation"].tolist()
    assert defender == ids("E how A me D fine A joke D yes" + 8 * " _")


@pytest.mark.parametrize("action", [-1, 23, 1.0, "tell", None, np.float64(2), np.array([1])])
def test_what_is_no_action_is_refused_and_changes_nothing(
    arguments: dict[str, Any], action: Any
) -> None:
    env: Any = red_team_v0.env(**arguments)
    env.reset(seed=0)
    env.step(5)
    before = copy.deepcopy(env.observe("adversary_0"))
    with pytest.raises(IllegalAction, match="from 0 to 22"):
        env.step(action)
    after = env.observe("adversary_0")
    assert all(np.array_equal(before[key], after[key]) for key in before)
    env.step(np.int64(2))
    env.step(np.array(END))
    assert env.agent_selection == "defender_0"


def test_a_reward_error_leaves_the_draft(
    arguments: dict[str, Any], ids: Callable[[str], list[int]]
) -> None:
    env: Any = red_team_v0.env(**arguments)
    env.reset(seed=0)
    for token in (*ids("joke"), END, *ids("no")):
        env.step(token)
    with pytest.raises(RewardError):
        env.step(END)
    env.step(*ids("fine"))
    env.step(END)
    assert env.unwrapped.exchanges[0].response == "no fine"


def test_long_messages_are_cut_to_max_chars(
    arguments: dict[str, Any], ids: Callable[[str], list[int]]
) -> None:
    env: Any = red_team_v0.env(**arguments | {"max_chars": 6})
    env.reset(seed=0)
    for token in ids("tell tell tell"):
        env.step(token)
    env.step(END)
    assert env.unwrapped.exchanges[0].prompt == "tell t"


def test_a_restrictive_mask(arguments: dict[str, Any], ids: Callable[[str], list[int]]) -> None:
    legal = {"adversary_0": ["tell me", "the cat"]}
    env: Any = red_team_v0.env(**arguments | {"action_mask": legal})
    env.reset(seed=0)
    assert np.flatnonzero(env.observe("adversary_0")["action_mask"]).tolist() == sorted(
        ids("tell the")
    )
    with pytest.raises(IllegalAction, match="action_mask"):
        env.step(ids("joke")[0])
    env.step(ids("the")[0])
    with pytest.raises(IllegalAction):
        env.step(END)

    ending: Any = red_team_v0.env(**arguments | {"action_mask": legal, "illegal": "end_message"})
    ending.reset(seed=0)
    ending.step(ids("the")[0])
    ending.step(ids("joke")[0])
    assert ending.agent_selection == "defender_0"
    assert ending.observe("defender_0")["action_mask"].all()  # its own are not restricted
    ending.step(END)
    assert ending.unwrapped.exchanges[0].prompt == "the"


def test_the_worlds_grammar_as_the_mask() -> None:
    env: Any = red_team_v0.env(action_format="tokens", action_mask="grammar", reward_model="judge")
    space = env.action_space("adversary_0")
    space.seed(0)
    for episode in range(20):
        env.reset(seed=episode)
        for _agent in env.agent_iter():
            observation, _, terminated, *_ = env.last()
            env.step(None if terminated else space.sample(observation["action_mask"]))
        assert env.unwrapped.exchanges
        assert env.unwrapped.infos == {}


def test_random_play_without_masks_never_raises() -> None:
    env: Any = red_team_v0.env(action_format="tokens", reward_model="judge", max_tokens=6)
    rng = np.random.default_rng(0)
    for episode in range(50):
        env.reset(seed=episode)
        for agent in env.agent_iter():
            *_, terminated, _, _ = env.last()
            env.step(None if terminated else int(rng.integers(env.action_space(agent).n)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(data=st.data(), max_turns=st.integers(1, 2))
def test_rows_of_the_vector_view_equal_games(
    arguments: dict[str, Any], data: st.DataObject, max_turns: int
) -> None:
    """Row i sees what the AEC view sees with the same tokens, whoever waits for whom."""
    arguments = arguments | {"max_turns": max_turns, "reward_model": FunctionReward(lengths)}
    message = st.lists(st.integers(1, 10), max_size=3)
    plan = data.draw(
        st.lists(st.lists(message, min_size=3, max_size=3), min_size=2 * max_turns, max_size=4)
    )
    games: Any = red_team_v0.vector_env(3, **arguments)
    games.reset(seed=5)
    envs: list[Any] = [red_team_v0.env(**arguments) for _ in range(3)]
    for row, env in enumerate(envs):
        env.reset(seed=5 + row)
    for messages in plan[: 2 * max_turns]:
        agent = games.agent_selection
        queues = [[*message, END][:3] for message in messages]
        for _ in range(max(map(len, queues))):
            observations, rewards, terminations, _, infos = games.last()
            assert not terminations.any()
            actions = np.zeros(3, dtype=np.int64)
            for row, env in enumerate(envs):
                if not queues[row]:
                    waiting = observations["action_mask"][row]
                    assert np.flatnonzero(waiting).tolist() == [END]
                    assert observations["to_move"][row] != games.possible_agents.index(agent)
                    continue
                seen, reward, _, _, info = env.last()
                assert all(np.array_equal(observations[k][row], seen[k]) for k in seen)
                assert rewards[row] == pytest.approx(reward)
                assert {name: column[row] for name, column in infos.items()} == info
                actions[row] = queues[row].pop(0)
                env.step(int(actions[row]))
            games.step(actions)
    assert not games.active.any()
    for row, env in enumerate(envs):
        assert games.transcript(row) == env.unwrapped.transcript()


def test_every_message_is_spelt_once_and_those_of_all_rows_together(
    arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    spell, calls = Vocabulary.encode_all, []

    def noted(vocabulary: Vocabulary, texts: Sequence[str]) -> list[list[int]]:
        calls.append(list(texts))
        return spell(vocabulary, texts)

    monkeypatch.setattr(Vocabulary, "encode_all", noted)
    reward = FunctionReward(lambda exchanges: [0.0] * len(exchanges))
    env: Any = red_team_v0.vector_env(
        3, **arguments | {"max_tokens": 1, "max_turns": 2, "reward_model": reward}
    )
    env.reset(seed=0)
    for step in range(4):
        env.last()
        for agent in env.possible_agents:
            env.observe(0, agent)
        env.step([3 * step + row + 1 for row in range(3)])
    env.last()
    messages = [texts for texts in calls if not texts[0].startswith("tell ")]  # The instruction's.
    games = [env.exchanges(row) for row in range(3)]
    assert messages == [
        [getattr(game[turn], part) for game in games]
        for turn in range(2)
        for part in ("prompt", "response")
    ]


def test_a_new_game_is_not_taken_for_the_one_before(arguments: dict[str, Any]) -> None:
    views: list[Any] = [red_team_v0.env(**arguments | {"max_tokens": 1}) for _ in range(2)]
    env, fresh = views
    env.reset(seed=0)
    for token in (5, 6):
        env.last()
        env.step(token)
    env.observe("defender_0")
    for view in (env, fresh):
        view.reset(seed=1)
        view.step(7)  # Nobody has looked since the reset.
    for agent in env.possible_agents:
        seen, expected = env.observe(agent), fresh.observe(agent)
        assert seen["observation"].tolist() == expected["observation"].tolist()


def test_only_rows_that_write_are_read(arguments: dict[str, Any]) -> None:
    games: Any = red_team_v0.vector_env(2, **arguments)
    games.reset(seed=0)
    games.step([END, 4])
    games.step(["ignored", 4])
    with pytest.raises(IllegalAction, match="row 1") as caught:
        games.step([None, 99])
    assert caught.value.rows == (1,)
    assert games.agent_selection == "adversary_0"
    games.step([-5, 4])
    assert games.agent_selection == "defender_0"


def test_pickles_in_the_middle_of_a_message(arguments: dict[str, Any]) -> None:
    env: Any = red_team_v0.raw_env(**arguments)
    env.reset(seed=0)
    env.step(4)
    other = pickle.loads(pickle.dumps(env))
    for token in (5, END):
        env.step(token)
        other.step(token)
    first, second = env.observe("defender_0"), other.observe("defender_0")
    assert all(np.array_equal(first[key], second[key]) for key in first)
