"""The rules, on a batch of games, with numbers worked out by hand.

The defender's response is its score: "0.25" is worth 0.25. Likeness is twice the mean cosine of
letter counts, so that "a" against the history ["a", "b"] is worth 2 · 1/2 = 1.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError, RewardError
from llm_game_env.game import Game
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.rules import ADVERSARY, DEFENDER, make_rules
from llm_game_env.scoring import RewardParts
from llm_game_env.seeds import Seed
from llm_game_env.spaces import Message

MakeGame = Callable[..., Game]
CONTEXT = (Message(role="user", content="hello"), Message(role="assistant", content="hi"))


@pytest.fixture
def make_game(reward: FunctionReward) -> MakeGame:
    """`make_game(num_rows, diversity, **rules)`: games in progress, row i seeded with i."""

    def make(num_rows: int = 1, diversity: Diversity | None = None, **arguments: Any) -> Game:
        defaults: dict[str, Any] = {"seed_prompts": ["s0", "s1"], "reward_model": reward}
        game = Game(make_rules(**(defaults | arguments)), num_rows, diversity)
        game.seed_rows(range(num_rows))
        game.reset_rows(range(num_rows))
        return game

    return make


class Outcome(NamedTuple):
    """What a step paid, was worth and ended, by row."""

    rewards: np.ndarray
    parts: list[RewardParts]
    ended: np.ndarray


def play(game: Game, rows: Sequence[int], texts: Sequence[Any]) -> Outcome:
    """A step, its result spread over all rows."""
    rewards, ended = np.zeros((game.num_rows, 2)), np.zeros(game.num_rows, dtype=bool)
    parts = [RewardParts()] * game.num_rows
    for item in game.play(rows, texts):
        rewards[item.row], parts[item.row], ended[item.row] = item.rewards, item.parts, item.ended
    return Outcome(rewards, parts, ended)


def exchange(game: Game, prompts: Sequence[str], responses: Sequence[str]) -> Outcome:
    """One exchange in every row."""
    rows = range(game.num_rows)
    game.play(rows, prompts)
    return play(game, rows, responses)


def snapshot(game: Game) -> list[Any]:
    """All that a player could tell apart."""
    rows = range(game.num_rows)
    return [
        *([game.conversation(row, ADVERSARY), game.conversation(row, DEFENDER)] for row in rows),
        *(
            (game.turn(row), game.to_move(row), game.exchanges(row), game.parts(row))
            for row in rows
        ),
        [game.is_active(row) for row in rows],
        str(game.state_dict()),
    ]


# --- Rewards ------------------------------------------------------------------------------------


def test_zero_sum_without_likeness(make_game: MakeGame) -> None:
    game = make_game(3)
    outcome = exchange(game, ["p", "q", "r"], ["0.25", "1", "-3"])
    assert outcome.rewards.tolist() == [[-0.25, 0.25], [-1.0, 1.0], [3.0, -3.0]]
    assert [part.valid for part in outcome.parts] == [1.0, 1.0, 1.0]
    assert [part.likeness for part in outcome.parts] == [0.0, 0.0, 0.0]
    assert outcome.ended.all()


def test_the_prompt_alone_is_worth_nothing(make_game: MakeGame) -> None:
    outcome = play(make_game(2), [0, 1], ["p", "q"])
    assert not outcome.rewards.any()
    assert not outcome.ended.any()
    assert [part.valid for part in outcome.parts] == [0.0, 0.0]


def test_the_adversary_pays_for_likeness(make_game: MakeGame, letter_likeness: Diversity) -> None:
    game = make_game(1, letter_likeness)
    # Against [], [a], [a, a], [a, a, b]: means of 1 and 0, then of 1, 1 and 0.
    for prompt, likeness in (("a", 0.0), ("a", 2.0), ("b", 0.0), ("a", 4 / 3)):
        game.reset_rows([0])
        outcome = exchange(game, [prompt], ["0.5"])
        assert outcome.rewards[0] == pytest.approx([-0.5 - likeness, 0.5])
        assert outcome.parts[0].likeness == pytest.approx(likeness)
        assert outcome.parts[0].embedding == pytest.approx(likeness / 2)


def test_likeness_is_to_the_history_before_the_step(
    make_game: MakeGame, letter_likeness: Diversity
) -> None:
    game = make_game(2, letter_likeness, max_turns=2)
    first = exchange(game, ["a", "a"], ["0", "0"])
    assert [part.likeness for part in first.parts] == [0.0, 0.0]
    second = exchange(game, ["a", "b"], ["0", "0"])
    assert [part.likeness for part in second.parts] == pytest.approx([2.0, 0.0])


class Recording(Diversity):
    """Remembers what it was shown."""

    def __init__(self) -> None:
        super().__init__(self_bleu=1.0)
        self.shown: list[list[str]] = []

    def add(self, texts: Sequence[str], seeds: Sequence[str] | None = None) -> None:
        self.shown.append(list(texts))
        super().add(texts, seeds)


def test_prompts_join_the_history_in_row_order(make_game: MakeGame) -> None:
    game = make_game(3, Recording())
    exchange(game, ["one", "two", "three"], ["0"] * 3)
    assert isinstance(game.diversity, Recording)
    assert game.diversity.shown == [["one", "two", "three"]]


def test_an_abandoned_exchange_leaves_no_trace(
    make_game: MakeGame, letter_likeness: Diversity
) -> None:
    game = make_game(1, letter_likeness)
    game.play([0], ["a"])
    game.reset_rows([0])
    assert exchange(game, ["a"], ["0"]).parts[0].likeness == 0.0
    assert game.diversity is not None
    assert len(game.diversity) == 1


def test_the_diversity_is_copied(make_game: MakeGame, letter_likeness: Diversity) -> None:
    exchange(make_game(1, letter_likeness), ["a"], ["0"])
    assert len(letter_likeness) == 0


def test_a_frozen_history_is_scored_against_and_not_added_to(
    make_game: MakeGame, letter_likeness: Diversity
) -> None:
    game = make_game(1, letter_likeness)
    exchange(game, ["a"], ["0"])
    game.freeze_history = True
    for _ in range(2):
        game.reset_rows([0])
        assert exchange(game, ["b"], ["0"]).parts[0].likeness == 0.0
    game.reset_rows([0])
    assert exchange(game, ["a"], ["0"]).parts[0].likeness == 2.0
    assert game.diversity is not None
    assert len(game.diversity) == 1


# --- Malformed prompts --------------------------------------------------------------------------


@pytest.mark.parametrize("blank", ["", "  ", "\n\t\u2003"])
def test_a_malformed_prompt_forfeits(make_game: MakeGame, blank: str) -> None:
    seen: list[str] = []

    def record(exchanges: Sequence[Exchange]) -> list[float]:
        seen.extend(exchange.prompt for exchange in exchanges)
        return [0.5] * len(exchanges)

    game = make_game(3, reward_model=FunctionReward(record, best=7.0))
    outcome = exchange(game, ["p", blank, "q"], ["x", "y", "z"])
    assert outcome.rewards.tolist() == [[-0.5, 0.5], [-7.0, 7.0], [-0.5, 0.5]]
    assert [part.valid for part in outcome.parts] == [1.0, 0.0, 1.0]
    assert seen == ["p", "q"]
    assert game.exchanges(1)[0].prompt == blank


def test_the_reward_model_rests_where_all_forfeit(make_game: MakeGame) -> None:
    def fail(exchanges: Sequence[Exchange]) -> list[float]:
        raise AssertionError(f"scored {exchanges}")

    outcome = exchange(make_game(2, reward_model=FunctionReward(fail)), ["", " "], ["x", "y"])
    assert outcome.rewards.tolist() == [[-1.0, 1.0], [-1.0, 1.0]]


def test_gibberish_does_not_pay_in_diversity(
    make_game: MakeGame, letter_likeness: Diversity
) -> None:
    game = make_game(2, letter_likeness, max_turns=3)
    # As like as can be, twice 1, already against an empty history; and never part of it.
    for likeness_of_a in (0.0, 2.0, 2.0):
        outcome = exchange(game, [" ", "a"], ["0", "0"])
        assert [part.likeness for part in outcome.parts] == pytest.approx([2.0, likeness_of_a])
        assert outcome.rewards[0].tolist() == [-4.0, 2.0]
    assert game.diversity is not None
    assert len(game.diversity) == 3


class Choosy:
    """A reward model that takes questions alone, and the seed prompts of these tests."""

    best = 1.0

    def is_well_formed(self, prompt: str) -> bool:
        return prompt.endswith("?") or prompt in ("s0", "s1", "s2")

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        return np.zeros(len(exchanges), np.float32)


def test_a_reward_model_says_what_is_well_formed(make_game: MakeGame) -> None:
    outcome = exchange(make_game(3, reward_model=Choosy()), ["why?", "because", ""], ["x"] * 3)
    assert [part.valid for part in outcome.parts] == [1.0, 0.0, 0.0]
    assert outcome.rewards[:, DEFENDER].tolist() == [0.0, 1.0, 1.0]


# --- Turns --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn_reward", "paid"), [("each", [0.5, 0.25, 1.0]), ("end", [0.0, 0.0, 1.0])]
)
def test_turns_are_paid_each_or_at_the_end(
    make_game: MakeGame, turn_reward: str, paid: list[float]
) -> None:
    game = make_game(1, max_turns=3, turn_reward=turn_reward)
    for turn, response in enumerate(["0.5", "0.25", "1"]):
        assert game.turn(0) == turn
        outcome = exchange(game, ["p"], [response])
        assert outcome.rewards[0].tolist() == [-paid[turn], paid[turn]]
        assert outcome.parts[0].score == float(response)  # reported whenever it is scored
        assert outcome.ended.tolist() == [turn == 2]
    assert game.turn(0) == 3
    assert not game.is_active(0)


@pytest.mark.parametrize(
    ("responses", "turns"),
    [
        (["0.5", "0.25", "1"], 2),  # 0.5 is not below 0.5
        (["0.4375", "1", "1"], 1),
        (["1", "1", "0"], 3),
        (["1", "1", "1"], 3),
    ],
)
def test_a_game_stops_at_the_first_unsafe_answer(
    make_game: MakeGame, responses: list[str], turns: int
) -> None:
    game = make_game(1, max_turns=3, stop_when_unsafe=True, turn_reward="end")
    for response in responses[: turns - 1]:
        assert not exchange(game, ["p"], [response]).ended[0]
        assert game.is_active(0)
    last = float(responses[turns - 1])
    outcome = exchange(game, ["p"], [str(last)])
    assert outcome.ended[0]
    assert not game.is_active(0)
    assert outcome.rewards[0].tolist() == [-last, last]


def test_a_forfeit_below_the_threshold_stops_nothing(make_game: MakeGame) -> None:
    game = make_game(1, max_turns=2, stop_when_unsafe=True, unsafe_below=5.0)
    assert not exchange(game, [""], ["1"]).ended[0]  # best is 2, below 5
    assert exchange(game, ["p"], ["1"]).ended[0]


def test_rows_are_independent(make_game: MakeGame) -> None:
    game = make_game(3, max_turns=2)
    game.play([2], ["only this row"])
    assert [game.to_move(row) for row in range(3)] == [ADVERSARY, ADVERSARY, DEFENDER]
    outcome = play(game, [0, 2], ["first here", "0.5"])  # an opening and an answer in one step
    assert outcome.rewards.tolist() == [[0, 0], [0, 0], [-0.5, 0.5]]
    assert [game.turn(row) for row in range(3)] == [0, 0, 1]
    assert [game.to_move(row) for row in range(3)] == [DEFENDER, ADVERSARY, ADVERSARY]
    assert [game.progress(row) for row in range(3)] == [
        (0, DEFENDER),
        (0, ADVERSARY),
        (1, ADVERSARY),
    ]


# --- What the players see -----------------------------------------------------------------------


def test_both_sides_of_a_dialogue(make_game: MakeGame) -> None:
    game = make_game(
        seed_prompts=[Seed("s0", context=CONTEXT)],
        instruction="Reword {seed_prompt}!",
        system_prompts={"adversary_0": "Be sly.", "defender_0": "Be safe."},
        max_turns=2,
    )
    exchange(game, ["p1"], ["0.1"])
    game.play([0], ["p2"])
    assert game.conversation(0, ADVERSARY) == [
        {"role": "system", "content": "Be sly."},
        {"role": "user", "content": "Reword s0!"},
        {"role": "assistant", "content": "p1"},
        {"role": "user", "content": "0.1"},
        {"role": "assistant", "content": "p2"},
    ]
    assert game.conversation(0, DEFENDER) == [
        {"role": "system", "content": "Be safe."},
        *CONTEXT,
        {"role": "user", "content": "p1"},
        {"role": "assistant", "content": "0.1"},
        {"role": "user", "content": "p2"},
    ]
    game.play([0], ["0.2"])
    first, second = game.exchanges(0)
    assert [*first.history] == game.conversation(0, DEFENDER)[:3]
    assert [*second.history] == game.conversation(0, DEFENDER)[:5]
    assert (first.prompt, first.response) == ("p1", "0.1")
    assert (second.prompt, second.response) == ("p2", "0.2")
    assert second.messages == game.conversation(0, DEFENDER)


@pytest.mark.parametrize("agent", ["adversary_0", "defender_0"])
def test_one_system_prompt_alone(make_game: MakeGame, agent: str) -> None:
    game = make_game(system_prompts={agent: "Hm."})
    game.play([0], ["p"])
    roles = [game.conversation(0, side)[0]["role"] for side in (ADVERSARY, DEFENDER)]
    assert roles == (["system", "user"] if agent == "adversary_0" else ["user", "system"])


def test_conversations_are_fresh(make_game: MakeGame) -> None:
    game = make_game(seed_prompts=[Seed("s", context=CONTEXT)], system_prompts={"defender_0": "x"})
    game.play([0], ["p"])
    for agent in (ADVERSARY, DEFENDER):
        before = copy.deepcopy(game.conversation(0, agent))
        handed_out = game.conversation(0, agent)
        for message in handed_out:
            message["content"] = "changed"
        handed_out.clear()
        assert game.conversation(0, agent) == before


@pytest.mark.parametrize(
    ("instruction", "context", "told"),
    [
        ("{seed_prompt}", CONTEXT, "s"),
        ("{context}Ask: {seed_prompt}", (), "Ask: s"),
        (
            "{context}Ask: {seed_prompt}",
            CONTEXT,
            "Conversation so far:\nUser: hello\nAssistant: hi\n\nAsk: s",
        ),
        ("{seed_prompt} {seed_prompt} {other} {}", (), "s s {other} {}"),
    ],
)
def test_instruction(
    make_game: MakeGame, instruction: str, context: tuple[Message, ...], told: str
) -> None:
    game = make_game(seed_prompts=[Seed("s", context=context)], instruction=instruction)
    assert game.conversation(0, ADVERSARY) == [{"role": "user", "content": told}]


def test_fields_inside_a_seed_prompt_stay_text(make_game: MakeGame) -> None:
    said = (
        Message(role="user", content="{seed_prompt}"),
        Message(role="assistant", content=r"\1"),
    )
    game = make_game(
        seed_prompts=[Seed(r"{context} \g<0>", context=said)],
        instruction="{seed_prompt}|{context}",
    )
    assert game.conversation(0, ADVERSARY)[0]["content"] == (
        "{context} \\g<0>|Conversation so far:\nUser: {seed_prompt}\nAssistant: \\1\n\n"
    )


def test_default_instruction_holds_the_seed_prompt_and_its_context(make_game: MakeGame) -> None:
    told = make_game(seed_prompts=[Seed("my seed", context=CONTEXT)]).conversation(0, ADVERSARY)
    assert told[0]["content"].endswith("\n\nmy seed")
    assert "User: hello\nAssistant: hi\n" in told[0]["content"]


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        [0.5, float("nan")],
        [float("inf"), 0.5],
        [0.5, 1e40],  # infinite in float32
        [0.5],
        [0.5, 0.5, 0.5],
        [[0.5], [0.5]],
        0.5,
        None,
    ],
)
def test_unusable_scores_leave_the_batch_untouched(
    make_game: MakeGame, letter_likeness: Diversity, bad: Any
) -> None:
    answers = [bad, [0.5, 0.25]]
    game = make_game(
        2, letter_likeness, reward_model=FunctionReward(lambda _: answers.pop(0)), max_turns=2
    )
    game.play([0, 1], ["a", "b"])
    before = snapshot(game)
    with pytest.raises(RewardError, match="FunctionReward"):
        game.play([0, 1], ["x", "y"])
    assert snapshot(game) == before
    assert play(game, [0, 1], ["x", "y"]).rewards.tolist() == [[-0.5, 0.5], [-0.25, 0.25]]
    assert game.diversity is not None
    assert len(game.diversity) == 2


class Failing(Diversity):
    """Fails at its first addition."""

    fails = True

    def add(self, texts: Sequence[str], seeds: Sequence[str] | None = None) -> None:
        if self.fails:
            self.fails = False
            raise RewardError("encoder went away")
        super().add(texts, seeds)


def test_a_failing_model_leaves_the_batch_untouched(make_game: MakeGame) -> None:
    game = make_game(2, Failing(self_bleu=1.0), max_turns=2)
    game.play([0], ["p"])
    before = snapshot(game)
    with pytest.raises(RewardError, match="went away"):
        game.play([0, 1], ["0.5", "opens"])
    assert snapshot(game) == before
    assert play(game, [0, 1], ["0.5", "opens"]).rewards.tolist() == [[-0.5, 0.5], [0, 0]]


# --- Arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_turns": 0},
        {"max_turns": 1.5},
        {"max_turns": True},
        {"max_chars": 0},
        {"max_chars": "9"},
        {"turn_reward": "last"},
        {"instruction": "no field"},
        {"system_prompts": {"adversary": "x"}},
        {"reward_model": len},
    ],
)
def test_unusable_arguments_are_refused(make_game: MakeGame, arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        make_game(**arguments)


def test_no_global_generator_is_touched(make_game: MakeGame, letter_likeness: Diversity) -> None:
    np.random.seed(11)
    before = str(np.random.get_state())
    game = make_game(3, letter_likeness)
    exchange(game, ["a", "b", "c"], ["0"] * 3)
    assert str(np.random.get_state()) == before
    np.random.seed(12)
    again = make_game(3, letter_likeness)
    exchange(again, ["a", "b", "c"], ["0"] * 3)
    assert snapshot(again) == snapshot(game)
