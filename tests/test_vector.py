"""The vector view: the step protocol, its rows, options and what is reported."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError, IllegalAction
from llm_game_env.rewards import FunctionReward
from llm_game_env.seeds import Seed
from llm_game_env.vector import VectorGame

MakeGames = Callable[..., VectorGame]
INFOS = {
    "score",
    "likeness",
    "self_bleu",
    "embedding",
    "valid",
    "intent",
    "seed_prompt_index",
    "harmful",
}
SEEDS = [Seed(f"s{i}", "benign" if i % 2 else "harmful", id=f"id{i}") for i in range(7)]


def play(games: VectorGame, prompts: list[str], responses: list[str]) -> np.ndarray:
    """One exchange in every row; what it paid, [N, 2]."""
    games.step(prompts)
    games.step(responses)
    return games.step_rewards


def started(games: VectorGame) -> list[int]:
    """The seed prompts drawn for the current games."""
    return games.last().infos["seed_prompt_index"].astype(int).tolist()


# --- The protocol -------------------------------------------------------------------------------


def test_the_order_of_play(make_games: MakeGames) -> None:
    games = make_games(2)
    assert games.agents == []
    games.reset(seed=0)
    selected = []
    rewards = {"adversary_0": np.zeros(2), "defender_0": np.zeros(2)}
    while games.agents:
        selected.append(games.agent_selection)
        last = games.last()
        rewards[games.agent_selection] += last.rewards
        if last.terminations.all():
            games.step(None)
        else:
            games.step(["0.25", "1"])
    assert selected == ["adversary_0", "defender_0"] * 2
    assert rewards["adversary_0"].tolist() == [-0.25, -1.0]
    assert rewards["defender_0"].tolist() == [0.25, 1.0]
    assert games.possible_agents == ["adversary_0", "defender_0"]
    with pytest.raises(IllegalAction, match="reset"):
        games.step(None)
    games.reset()
    assert games.agents == ["adversary_0", "defender_0"]


def test_stepping_before_the_first_reset_is_refused(make_games: MakeGames) -> None:
    with pytest.raises(IllegalAction, match="reset"):
        make_games(1).step(["p"])


@pytest.mark.parametrize(
    "actions",
    [None, [], ["p"], ["p"] * 3, "pp", b"pp", 2, np.array("p"), {0: "p", 1: "q"}, {"p", "q"}],
)
def test_the_wrong_number_of_actions_is_refused(make_games: MakeGames, actions: Any) -> None:
    games = make_games(2)
    games.reset(seed=0)
    with pytest.raises(IllegalAction, match="2 games") as caught:
        games.step(actions)
    assert caught.value.rows == (0, 1)
    assert games.agent_selection == "adversary_0"
    games.step(["p", "q"])
    assert games.agent_selection == "defender_0"


def test_ended_games_take_none_alone(make_games: MakeGames) -> None:
    games = make_games(1)
    games.reset(seed=0)
    play(games, ["p"], ["1"])
    with pytest.raises(IllegalAction, match="None"):
        games.step(["p"])
    assert games.agents == ["adversary_0", "defender_0"]
    games.step(None)
    assert games.agents == ["defender_0"]
    games.step(None)
    assert games.agents == []


def test_an_illegal_action_changes_nothing(make_games: MakeGames) -> None:
    games = make_games(3, max_chars=3)
    games.reset(seed=0)
    with pytest.raises(IllegalAction, match="row 1") as caught:
        games.step(["p", "long", None])
    assert caught.value.rows == (1, 2)
    assert games.agent_selection == "adversary_0"
    assert play(games, ["p"] * 3, ["1"] * 3)[:, 1].tolist() == [1.0, 1.0, 1.0]


def test_a_row_that_ends_early(make_games: MakeGames) -> None:
    games = make_games(2, max_turns=3, stop_when_unsafe=True)
    games.reset(seed=0)
    play(games, ["p", "p"], ["0.25", "1"])
    assert games.active.tolist() == [False, True]
    # Reported once to either player; what is sent to the ended row is ignored.
    last = games.last()
    assert last.rewards.tolist() == [-0.25, -1.0]
    assert last.terminations.tolist() == [True, False]
    games.step([None, "p"])
    assert games.last().rewards.tolist() == [0.25, 1.0]
    games.step([3.5, "0.75"])  # pyright: ignore[reportArgumentType]
    last = games.last()
    assert last.rewards.tolist() == [0.0, -0.75]
    assert last.infos["score"].tolist() == [0.0, 0.75]
    assert last.infos["valid"].tolist() == [0.0, 1.0]
    assert [o["turn"] for o in last.observations] == [1, 2]
    play(games, ["x" * 9999, "p"], ["", "0"])
    assert len(games.exchanges(0)) == 1
    assert len(games.exchanges(1)) == 3
    last = games.last()
    assert (last.rewards.tolist(), last.terminations.tolist()) == ([0.0, 0.0], [True, True])
    games.step(None)
    assert games.last().rewards.tolist() == [0.0, 0.0]


def test_rewards_of_the_last_turn_are_reported_once(make_games: MakeGames) -> None:
    games = make_games(1)
    games.reset(seed=0)
    play(games, ["p"], ["0.5"])
    assert games.last().rewards.tolist() == [-0.5]
    games.step(None)
    assert games.last().rewards.tolist() == [0.5]
    games.step(None)
    assert games.last().rewards.tolist() == [0.0]
    games.reset()
    play(games, ["p"], ["0.5"])
    games.reset()  # before anybody saw what was paid
    assert games.last().rewards.tolist() == [0.0]
    games.step(["p"])
    assert games.last().rewards.tolist() == [0.0]


# --- What is seen and reported ------------------------------------------------------------------


@pytest.mark.parametrize("with_diversity", [False, True])
def test_infos_and_observations_keep_their_form(
    make_games: MakeGames, letter_likeness: Diversity, with_diversity: bool
) -> None:
    games = make_games(
        3,
        seed_prompts=SEEDS,
        diversity=letter_likeness if with_diversity else None,
        max_turns=2,
        stop_when_unsafe=True,
    )
    games.reset(seed=3)
    space = games.observation_space("adversary_0")
    assert space is games.observation_space("adversary_0")
    while games.agents:
        last = games.last()
        assert set(last.infos) == INFOS
        for column in [*last.infos.values(), last.rewards]:
            assert (column.dtype, column.shape) == (np.float64, (3,))
        for column in (last.terminations, last.truncations, games.active):
            assert (column.dtype, column.shape) == (np.bool_, (3,))
        assert not last.truncations.any()
        assert (last.terminations == ~games.active).all()
        assert all(space.contains(observation) for observation in last.observations)
        games.step(None if last.terminations.all() else ["0.1", "1", "0.6"])


def test_infos_tell_the_seed_prompt(make_games: MakeGames) -> None:
    games = make_games(3, seed_prompts=SEEDS)
    games.reset(options={"seed_prompt_ids": ["id4", "id1", "id2"]})
    infos = games.last().infos
    assert infos["seed_prompt_index"].tolist() == [4.0, 1.0, 2.0]
    assert infos["harmful"].tolist() == [1.0, 0.0, 1.0]


def test_handed_out_arrays_are_copies(make_games: MakeGames) -> None:
    games = make_games(1)
    games.reset(seed=0)
    play(games, ["p"], ["0.5"])
    games.last().rewards[:] = 9.0
    games.last().observations[0]["messages"].clear()
    assert games.last().rewards.tolist() == [-0.5]
    assert games.last().observations[0]["messages"]


def test_transcript_tells_the_row(make_games: MakeGames) -> None:
    games = make_games(2)
    games.reset(options={"seed_prompt_ids": ["1", "2"]})
    play(games, ["p", "other\nline"], ["0.5", "1"])
    assert games.transcript(1) == (
        "seed prompt [harmful]: s2\n"
        "  adversary: other\\nline\n"
        "  defender:  1\n"
        "  score 1.000, likeness 0.000, valid 1.000; rewards: adversary -1.000, defender 1.000"
    )


# --- Seeds and options --------------------------------------------------------------------------


def test_row_i_is_seeded_with_s_plus_i(make_games: MakeGames) -> None:
    games = make_games(40, seed_prompts=SEEDS)
    games.reset(seed=100)
    first = started(games)
    assert set(first) == set(range(7))
    games.reset(seed=110)
    assert started(games)[:30] == first[10:]
    games.reset(seed=list(range(139, 99, -1)))
    assert started(games) == first[::-1]
    games.reset(seed=np.int64(100))  # pyright: ignore[reportArgumentType] - what users pass
    assert started(games) == first
    games.reset()
    assert started(games) != first


def test_the_next_games_follow_from_the_seed(make_games: MakeGames) -> None:
    draws = []
    for _ in range(2):
        games = make_games(8, seed_prompts=SEEDS)
        games.reset(seed=1)
        rounds = []
        for _ in range(3):
            games.reset()
            rounds.append(started(games))
        draws.append(rounds)
    assert draws[0] == draws[1]
    assert len({tuple(row) for row in draws[0]}) == 3


@pytest.mark.parametrize("seed", [[1], [1, 2, 3], ()])
def test_the_wrong_number_of_seeds_is_refused(make_games: MakeGames, seed: Any) -> None:
    with pytest.raises(ConfigurationError, match="2 games"):
        make_games(2).reset(seed=seed)


@pytest.mark.parametrize("seed", [-1, 1.5, "12", [0, -1], [0, 1.5], {0, 1}])
def test_what_is_no_seed_is_refused(make_games: MakeGames, make_env: Any, seed: Any) -> None:
    games, env = make_games(2), make_env()
    for view in (games, env):
        view.reset(seed=0)
        view.step(["p", "q"] if view is games else "p")
        with pytest.raises(ConfigurationError, match="seed"):
            view.reset(seed=seed)
        assert view.agent_selection == "defender_0"  # the games go on


def test_a_seed_empties_the_history_and_none_keeps_it(
    make_games: MakeGames, letter_likeness: Diversity
) -> None:
    games = make_games(1, diversity=letter_likeness)
    games.reset(seed=0)
    assert play(games, ["a"], ["0"])[0, 0] == 0.0
    games.reset()
    assert play(games, ["a"], ["0"])[0, 0] == -2.0
    games.reset(seed=0)
    assert play(games, ["a"], ["0"])[0, 0] == 0.0


def test_freeze_history_lasts_for_one_reset(
    make_games: MakeGames, letter_likeness: Diversity
) -> None:
    games = make_games(1, diversity=letter_likeness)
    games.reset(seed=0, options={"freeze_history": True})
    play(games, ["a"], ["0"])
    games.reset(options={"freeze_history": False})
    assert play(games, ["a"], ["0"])[0, 0] == 0.0  # not remembered above
    games.reset(options={"freeze_history": True})
    assert play(games, ["b"], ["0"])[0, 0] == 0.0
    games.reset()
    assert play(games, ["a"], ["0"])[0, 0] == -2.0  # only "a" is there


def test_given_seed_prompts_are_played_in_order(make_games: MakeGames) -> None:
    games = make_games(3, seed_prompts=SEEDS, instruction="{seed_prompt}")
    games.reset(seed=0, options={"seed_prompt_ids": ["id5", "id0"]})
    assert games.active.tolist() == [True, True, False]
    last = games.last()
    assert [o["messages"][0]["content"] for o in last.observations[:2]] == ["s5", "s0"]
    assert last.terminations.tolist() == [False, False, True]
    paid = play(games, ["p", "q", ""], ["1", "0.5", ""])
    assert paid.tolist() == [[-1.0, 1.0], [-0.5, 0.5], [0.0, 0.0]]
    last = games.last()
    assert last.rewards.tolist() == [-1.0, -0.5, 0.0]
    assert last.infos["valid"].tolist() == [1.0, 1.0, 0.0]
    assert games.exchanges(2) == ()
    games.reset()
    assert games.active.all()


def test_given_seed_prompts_leave_the_generators_alone(make_games: MakeGames) -> None:
    games = make_games(2, seed_prompts=SEEDS)
    drawn = []
    for options in ({"seed_prompt_ids": ["id3"]}, {}):
        games.reset(seed=5, options=options)
        if not options:
            drawn.append(started(games))
            continue
        games.reset()
        drawn.append(started(games))
    assert drawn[0] == drawn[1]


def test_no_given_seed_prompt_at_all(make_games: MakeGames) -> None:
    with pytest.raises(ConfigurationError, match="empty"):
        make_games(2).reset(options={"seed_prompt_ids": []})


def test_rows_without_a_game_say_nothing(make_games: MakeGames) -> None:
    games = make_games(3)
    games.reset(options={"seed_prompt_ids": ["1"]})
    infos = games.infos()
    assert infos["seed_prompt_index"].tolist() == [1.0, 0.0, 0.0]
    assert infos["harmful"].tolist() == [1.0, 0.0, 0.0]
    assert [len(observation["messages"]) for observation in games.last().observations] == [1, 0, 0]
    assert games.transcript(2) == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"freeze_history": 1}, "freeze_history"),
        ({"freeze_history": "yes"}, "freeze_history"),
        ({"seed_prompt_ids": ["0", "1", "2"]}, "3 seed prompts for 2 games"),
        ({"seed_prompt_ids": ["missing"]}, "missing"),
        ({"seed_prompt_ids": "01"}, "list"),
        ({"seed_prompt_ids": 1}, "list"),
    ],
)
def test_unusable_options_are_refused(
    make_games: MakeGames, options: dict[str, Any], message: str
) -> None:
    games = make_games(2)
    games.reset(seed=0)
    games.step(["p", "q"])
    with pytest.raises(ConfigurationError, match=message):
        games.reset(seed=1, options=options)
    assert games.agent_selection == "defender_0"  # the games go on
    games.step(["1", "1"])
    assert games.step_rewards[:, 1].tolist() == [1.0, 1.0]


def test_unknown_options_are_ignored(make_games: MakeGames) -> None:
    games = make_games(1)
    games.reset(seed=0, options={"unknown": object()})
    assert games.active.all()


@pytest.mark.parametrize("num_envs", [0, -1, 1.5, "3", None, True])
def test_no_number_of_games_is_refused(make_games: MakeGames, num_envs: Any) -> None:
    with pytest.raises(ConfigurationError, match="num_envs"):
        make_games(num_envs)


# --- State --------------------------------------------------------------------------------------


def test_a_saved_state_goes_on_identically(
    make_games: MakeGames, letter_likeness: Diversity
) -> None:
    games = make_games(4, seed_prompts=SEEDS, diversity=letter_likeness)
    games.reset(seed=0)
    play(games, ["a", "b", "ab", "abc"], ["0", "0.5", "1", "0"])
    state = games.state_dict()
    other = make_games(4, seed_prompts=SEEDS, diversity=letter_likeness)
    for_comparison = []
    for view in (games, other):
        if view is other:
            other.reset(seed=9)
            other.load_state_dict(state)
            assert other.agents == []
            assert not other.active.any()
        rounds: list[Any] = []
        for _ in range(3):
            view.reset()
            rounds.append(started(view))
            rounds.append(play(view, ["a", "ba", "c", "d"], ["0.5"] * 4).tolist())
        for_comparison.append(rounds)
    assert for_comparison[0] == for_comparison[1]
    assert len({str(drawn) for drawn in for_comparison[0][::2]}) > 1
    assert for_comparison[0][1][0][0] < -0.5  # the history was there


# --- Rows are games -----------------------------------------------------------------------------

TEXTS = st.text(max_size=12)


def checksum(exchanges: Any) -> list[float]:
    """A score that depends on all that was said."""
    said = ["|".join(m["content"] for m in e.messages) + e.seed.text for e in exchanges]
    return [sum(ord(c) * (i + 1) for i, c in enumerate(text)) % 101 / 101 for text in said]


@settings(
    max_examples=40,
    deadline=None,
    # The fixture makes new games at every call.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 2**32),
    max_turns=st.integers(1, 3),
    stop=st.booleans(),
    texts=st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=6, max_size=6),
)
def test_a_row_is_the_game_of_its_seed(
    make_games: MakeGames,
    make_env: Callable[..., Any],
    seed: int,
    max_turns: int,
    stop: bool,
    texts: list[list[str]],
) -> None:
    arguments: dict[str, Any] = {
        "seed_prompts": SEEDS,
        "reward_model": FunctionReward(checksum),
        "max_turns": max_turns,
        "stop_when_unsafe": stop,
    }
    games = make_games(3, **arguments)
    games.reset(seed=seed)
    rows: list[list[Any]] = [[], [], []]
    for actions in texts[: 2 * max_turns]:
        seen, active = games.last(), games.active
        if not active.any():
            break
        games.step(actions)
        for row in np.flatnonzero(active):
            infos = {name: column[row] for name, column in seen.infos.items()}
            rows[row].append((seen.observations[row], seen.rewards[row], infos))
            rows[row].append(games.step_rewards[row].tolist())

    for row in range(3):
        env = make_env(**arguments)
        env.reset(seed=seed + row)
        single: list[Any] = []
        for actions in texts[: 2 * max_turns]:
            observation, reward, terminated, truncated, info = env.last()
            if terminated:
                break
            assert not truncated
            env.step(actions[row])
            single.append((observation, reward, info))
            single.append([env.rewards[agent] for agent in env.possible_agents])
        assert single == rows[row]
        assert env.unwrapped.exchanges == games.exchanges(row)
        assert env.unwrapped.transcript() == games.transcript(row)


def test_rows_are_games_in_the_first_exchange_with_likeness(
    make_games: MakeGames, make_env: Callable[..., Any], letter_likeness: Diversity
) -> None:
    games = make_games(3, diversity=letter_likeness)
    games.reset(seed=7)
    paid = play(games, ["a", "a", "b"], ["0.5", "0.25", "1"])
    for row, (prompt, response) in enumerate([("a", "0.5"), ("a", "0.25"), ("b", "1")]):
        env = make_env(diversity=letter_likeness)
        env.reset(seed=7 + row)
        env.step(prompt)
        env.step(response)
        assert [env.rewards[agent] for agent in env.possible_agents] == paid[row].tolist()
