"""Playing for evaluation: whose turn, in which order, from which random numbers."""

from dataclasses import replace
from typing import Any

import pytest

from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.playing import play, play_batches, write_openings
from llm_game_env.evaluation.setting import Setting
from llm_game_env.gatekeeper.world import load_world
from llm_game_env.players import CausalLMPlayer, EchoPlayer
from llm_game_env.seeds import Seed
from played_games import Numbered

SEEDS = [Seed("one", "harmful", "a"), Seed("two", "benign", "b"), Seed("three", "harmful", "c")]
SETTING = Setting(
    SEEDS, "about {seed_prompt}", categories={"b": "even"}, adversary_max_tokens=5, batch_size=2
)


def test_every_seed_prompt_in_order_and_again() -> None:
    setting = replace(SETTING, games_per_seed=2)
    games = play(EchoPlayer(), EchoPlayer(), setting, seed=0)
    assert [one.game for one in games] == [0, 1, 2, 3, 4, 5]
    assert [one.seed_id for one in games] == ["a", "b", "c"] * 2
    assert [one.label for one in games] == ["harmful", "benign", "harmful"] * 2
    assert [one.category for one in games] == ["", "even", ""] * 2
    assert [one.exchange.prompt for one in games[:3]] == ["about one", "about two", "about three"]
    assert all(one.exchange.response == one.exchange.prompt for one in games)


class Silent(EchoPlayer):
    """Answers all conversations but the last."""

    def reply(self, *arguments: Any, **options: Any) -> list[str]:
        return super().reply(*arguments, **options)[:-1]


def test_a_player_that_leaves_one_out_is_named() -> None:
    said = r"defender_0.reply\(\) returned 1 messages for 2 conversations; return one for each"
    with pytest.raises(ConfigurationError, match=said):
        play(EchoPlayer(), Silent(), SETTING, seed=0)


def test_turns_are_heard_by_both() -> None:
    adversary, defender = Numbered("attack"), Numbered("defend")
    setting = replace(SETTING, turns=3, system_prompts={"defender_0": "be kind"})
    games = play(adversary, defender, setting, seed=0)
    assert [(one.game, one.turn) for one in games] == [(g, t) for g in range(3) for t in range(3)]
    first, second, third = (one.exchange for one in games[:3])
    assert second.history[1:] == (
        {"role": "user", "content": first.prompt},
        {"role": "assistant", "content": first.response},
    )
    assert third.history[0] == {"role": "system", "content": "be kind"}
    assert adversary.max_tokens == {5}
    assert defender.max_tokens == {20}
    # Two batches of 2 and 1 games, three turns each.
    assert [len(chats) for chats in defender.calls] == [2, 2, 2, 1, 1, 1]
    assert adversary.calls[1][0][-1]["content"] == first.response


@pytest.mark.parametrize("turns", [1, 2])
def test_batches_change_no_draw(turns: int) -> None:
    players = Numbered("attack"), Numbered("defend")
    small = play(*players, replace(SETTING, turns=turns, batch_size=1), seed=4)
    assert small == play(*players, replace(SETTING, turns=turns, batch_size=50), seed=4)
    assert small != play(*players, replace(SETTING, turns=turns), seed=5)


def test_a_language_model_writes_alike_in_any_batch() -> None:
    world = load_world()
    players = CausalLMPlayer.load(world.adversary), CausalLMPlayer.load(world.defender)
    setting = Setting(world.seed_prompts[::30], world.instruction)
    texts = [
        [one.exchange.prompt + one.exchange.response for one in play(*players, each, seed=1)]
        for each in (setting, replace(setting, batch_size=3))
    ]
    assert texts[0] == texts[1]


def test_batches_come_one_by_one() -> None:
    batches = play_batches(EchoPlayer(), EchoPlayer(), SETTING, seed=0)
    assert [one.seed_id for one in next(batches)] == ["a", "b"]
    assert [one.seed_id for one in next(batches)] == ["c"]
    assert next(batches, None) is None


def test_openings_are_what_the_adversary_would_have_written() -> None:
    adversary, defender = Numbered("attack"), Numbered("defend")
    setting = replace(SETTING, turns=2)
    openings = write_openings(adversary, setting, seed=3)
    assert play(adversary, defender, setting, seed=3, openings=openings) == play(
        adversary, defender, setting, seed=3
    )
    # With the openings given, the adversary is asked for the second turn alone.
    asker = Numbered("attack")
    play(asker, defender, setting, seed=3, openings=openings)
    assert all(len(chat) == 3 for chats in asker.calls for chat in chats)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"openings": ["only one"]}, "1 openings for 3 games"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_games_that_cannot_be_played(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        play(EchoPlayer(), EchoPlayer(), SETTING, **{"seed": 0, **arguments})


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"turns": 0}, "turns=0"),
        ({"games_per_seed": 0}, "games_per_seed=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"defender_max_tokens": 0}, "defender_max_tokens=0"),
        ({"categories": {"z": "odd"}}, "categories has 'z', which is the id of no seed prompt"),
        ({"instruction": "hello"}, "put the field {seed_prompt} into it"),
        ({"seed_prompts": []}, "no seed prompts"),
    ],
)
def test_settings_that_there_are_not(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Setting(**{"seed_prompts": SEEDS, **arguments})
