"""The text format: what is refused, and what an observation holds."""

from typing import Any

import numpy as np
import pytest

from llm_game_env.errors import IllegalAction
from llm_game_env.formats import TextFormat
from llm_game_env.game import Game
from llm_game_env.rewards import FunctionReward
from llm_game_env.rules import ADVERSARY, DEFENDER, make_rules


@pytest.fixture
def game(reward: FunctionReward) -> Game:
    rules = make_rules(seed_prompts=["s"], reward_model=reward, max_chars=5)
    game = Game(rules, 3, None)
    game.reset_rows(range(3))
    return game


@pytest.mark.parametrize(
    ("actions", "rows"),
    [
        (["1", None, "1"], (1,)),
        (["1", "1", b"bytes"], (2,)),
        (["123456", 5, "123456"], (0, 1, 2)),
        ([["1"], "1", "1"], (0,)),
    ],
)
def test_what_is_no_string_or_too_long_is_refused(
    game: Game, actions: list[Any], rows: tuple[int, ...]
) -> None:
    with pytest.raises(IllegalAction, match=f"row {rows[0]}.*at most 5 characters") as caught:
        TextFormat(game).messages(range(3), actions)
    assert caught.value.rows == rows
    assert isinstance(caught.value, ValueError)


def test_every_string_of_max_chars_is_a_whole_message(game: Game) -> None:
    actions = ["", "12345", "é\n🙂"]
    assert TextFormat(game).messages(range(3), actions) == actions


def test_observations_are_the_games_own(game: Game) -> None:
    text = TextFormat(game)
    game.play([1], ["p"])
    none_waits = np.zeros(3, dtype=bool)
    for agent in (ADVERSARY, DEFENDER):
        observations = text.observe_all(agent, none_waits)
        assert observations == [text.observe(row, agent) for row in range(3)]
        assert [seen["to_move"] for seen in observations] == [ADVERSARY, DEFENDER, ADVERSARY]
        assert observations[1]["messages"] == game.conversation(1, agent)
