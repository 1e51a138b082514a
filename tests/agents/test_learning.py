"""Learning by learning: small games in which only the right credit makes a policy win.

The bar is fixed. A policy that misses the point of a test stays far below it; every update rule
beat it with every seed that was tried.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from llm_game_agents.schedules import adversary_only, defender_only
from llm_game_agents.shared_base import SharedBase
from llm_game_agents.update_rules import (
    GRPOConfig,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    UpdateRule,
)
from llm_game_env.players import EchoPlayer, ScriptedPlayer
from llm_game_env.rewards import Exchange
from small_games import BAR, COLOUR_OF, WORDS, learn
from word_policies import make_word_policy

RULES: list[UpdateRule] = [
    PPOConfig(learning_rate=1e-3, kl_coef=0.01, vf_coef=0.5, warmup_updates=0),
    GRPOConfig(learning_rate=1e-3, kl_coef=0.01, warmup_updates=0),
    RLOOConfig(learning_rate=1e-3, kl_coef=0.01, warmup_updates=0, group_size=8, update_epochs=2),
    ReinforceConfig(learning_rate=1e-3, kl_coef=0.01, warmup_updates=0, update_epochs=2),
]
LAST_WORDS = ("key", "door", "blue")


ADAPTER_KNOBS = PPOConfig(
    learning_rate=3e-3, critic_learning_rate=1e-2, kl_coef=0.01, vf_coef=0.5, warmup_updates=0
)


def cases(quick: Sequence[int] = range(len(RULES))) -> list[Any]:
    """Every rule with two seeds, of which all are slow but the first one of the quick rules."""
    return [
        pytest.param(
            rule,
            seed,
            marks=[pytest.mark.slow] if seed or index not in quick else [],
            id=f"{type(rule).__name__.removesuffix('Config')}-{seed}",
        )
        for index, rule in enumerate(RULES)
        for seed in range(2)
    ]


def says_blue(exchanges: Sequence[Exchange]) -> list[float]:
    return [float(exchange.response == "blue") for exchange in exchanges]


def names_the_colour(exchanges: Sequence[Exchange]) -> list[float]:
    return [float(e.response == COLOUR_OF.get(e.seed.text)) for e in exchanges]


def opens_the_door(exchanges: Sequence[Exchange]) -> list[float]:
    """½ for "door" as the second answer, ½ for "key" as the first one."""
    return [
        0.5 * (exchange.response == "door")
        + 0.5 * (bool(exchange.history) and exchange.history[-1]["content"] == "key")
        for exchange in exchanges
    ]


def unless_coal(exchanges: Sequence[Exchange]) -> list[float]:
    return [float(exchange.prompt != "coal") for exchange in exchanges]


def words_in_order(role: str, exchanges: Sequence[Exchange]) -> list[float]:
    """A third for each of `LAST_WORDS` that a side has written in its turn."""
    scores = []
    for exchange in exchanges:
        written = [m["content"] for m in exchange.history if m["role"] == role]
        written.append(exchange.prompt if role == "user" else exchange.response)
        scores.append(sum(a == b for a, b in zip(written, LAST_WORDS, strict=False)) / 3)
    return scores


@pytest.mark.parametrize(("rule", "seed"), cases())
def test_a_defender_learns_to_say_one_word(rule: UpdateRule, seed: int) -> None:
    # By chance: a thirteenth for the word, times a quarter or so for an end.
    first, best = learn(
        says_blue,
        defender_only(100),
        rule=rule,
        adversary=EchoPlayer(),
        defender=make_word_policy(WORDS, seed),
        seed=seed,
    )
    assert first < 0.1
    assert best > BAR


@pytest.mark.parametrize(("rule", "seed"), cases())
def test_an_answer_may_depend_on_the_prompt(rule: UpdateRule, seed: int) -> None:
    # A player that does not look at the prompt is right a quarter of the time at best.
    first, best = learn(
        names_the_colour,
        defender_only(300),
        rule=rule,
        adversary=EchoPlayer(),
        defender=make_word_policy(WORDS, seed),
        seed=seed,
    )
    assert first < 0.1
    assert best > BAR


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_an_adapter_learns_what_a_whole_model_does(seed: int) -> None:
    # The output layer is frozen with the base: with weights of the usual size it could make no
    # word more probable than 15 %, whatever the layers below learnt.
    base = SharedBase(make_word_policy(WORDS, seed, initializer_range=0.2).player)
    first, best = learn(
        names_the_colour,
        defender_only(150),
        rule=ADAPTER_KNOBS,
        adversary=EchoPlayer(),
        defender=base.policy(seed=seed),
        seed=seed,
    )
    assert first < 0.1
    assert best > BAR


@pytest.mark.parametrize(("rule", "seed"), cases(quick=(2, 3)))
def test_a_first_answer_gets_credit_for_the_second(rule: UpdateRule, seed: int) -> None:
    # All is paid at the end of the second turn. Without credit across turns the second answer is
    # learned alone, which is worth a half, as is saying the same word twice.
    first, best = learn(
        opens_the_door,
        defender_only(150),
        rule=rule,
        adversary=ScriptedPlayer(["sky"]),
        defender=make_word_policy(WORDS, seed),
        seed=seed,
        max_turns=2,
        turn_reward="end",
    )
    assert first < 0.1
    assert best > BAR


@pytest.mark.parametrize(("rule", "seed"), cases())
def test_an_adversary_learns_what_the_defender_cannot_answer(rule: UpdateRule, seed: int) -> None:
    first, best = learn(
        unless_coal,
        adversary_only(100),
        rule=rule,
        adversary=make_word_policy(WORDS, seed),
        defender=ScriptedPlayer(["black"]),
        seed=seed,
    )
    assert first < 0.1
    assert best > BAR


@pytest.mark.parametrize(("rule", "seed"), cases(quick=(0, 1)))
def test_a_defender_learns_over_three_turns(rule: UpdateRule, seed: int) -> None:
    # Saying one word three times is worth a third, learning the last answer alone a third, too.
    first, best = learn(
        lambda exchanges: words_in_order("assistant", exchanges),
        defender_only(300),
        rule=rule,
        adversary=ScriptedPlayer(["sky"]),
        defender=make_word_policy(WORDS, seed),
        seed=seed,
        max_turns=3,
        turn_reward="end",
    )
    assert first < 0.1
    assert best > BAR


@pytest.mark.parametrize(("rule", "seed"), cases(quick=(1,)))
def test_an_adversary_learns_over_three_turns(rule: UpdateRule, seed: int) -> None:
    first, best = learn(
        lambda exchanges: [1.0 - score for score in words_in_order("user", exchanges)],
        adversary_only(300),
        rule=rule,
        adversary=make_word_policy(WORDS, seed),
        defender=ScriptedPlayer(["snow"]),
        seed=seed,
        max_turns=3,
        turn_reward="end",
    )
    assert first < 0.1
    assert best > BAR
