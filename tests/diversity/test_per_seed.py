"""A history for every seed prompt."""

import copy
from typing import Any

import numpy as np
import pytest

from llm_game_env import red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError, RewardError
from llm_game_env.rewards import FunctionReward

TEXTS = ["the cat sat", "a dog ran", "the cat ran", "a cat sat down", "the dog sat", "the cat sat"]
SEEDS = ["cats", "dogs", "cats", "dogs", "dogs", "cats"]
LIMITS: list[dict[str, Any]] = [{}, {"window": 2}, {"within_batch": True}, {"deduplicate": True}]


def letters(texts: list[str]) -> np.ndarray:
    return np.array([[text.count(chr(97 + i)) for i in range(26)] for text in texts], float)


def weighted(**arguments: Any) -> Diversity:
    return Diversity(self_bleu=2.0, embedding=1.0, encoder=letters, **arguments)


@pytest.mark.parametrize("limit", LIMITS)
def test_each_seed_prompt_has_the_history_of_its_own_texts(limit: dict[str, Any]) -> None:
    together = weighted(per_seed=True, **limit)
    apart = {seed: weighted(**limit) for seed in ("cats", "dogs", "new")}
    for _ in range(2):
        seeds = [*SEEDS, "new"]
        found = together.measure([*TEXTS, "the cat sat"], seeds)
        for seed, alone in apart.items():
            rows = [row for row, name in enumerate(seeds) if name == seed]
            texts = [[*TEXTS, "the cat sat"][row] for row in rows]
            for of_all, of_one in zip(found, alone.measure(texts), strict=True):
                np.testing.assert_array_equal(of_all[rows], of_one)
        together.add(TEXTS, SEEDS)
        for seed in ("cats", "dogs"):
            apart[seed].add([t for t, name in zip(TEXTS, SEEDS, strict=True) if name == seed])
    assert len(together) == sum(map(len, apart.values())) > 0


@pytest.mark.parametrize("limit", [*LIMITS, {"reservoir": 2}])
def test_saved_and_copied_histories_go_on_alike(limit: dict[str, Any]) -> None:
    first = weighted(per_seed=True, **limit)
    first.add(TEXTS, SEEDS)
    loaded, copied = weighted(per_seed=True, **limit), copy.deepcopy(first)
    loaded.load_state_dict(first.state_dict())
    first.add(TEXTS[::-1], SEEDS)
    for other in (loaded, copied):
        other.add(TEXTS[::-1], SEEDS)
        np.testing.assert_array_equal(other.score(TEXTS, SEEDS), first.score(TEXTS, SEEDS))
    first.clear()
    assert len(first) == 0
    assert len(loaded) > 0


def test_reservoirs_of_two_seed_prompts_draw_for_themselves() -> None:
    diversity = Diversity(self_bleu=1.0, per_seed=True, reservoir=20)
    texts = [f"text {i}" for i in range(100)]
    for seed in ("a", "b"):
        diversity.add(texts, [seed] * 100)
    held = [diversity.state_dict()["histories"][seed]["kept"]["texts"] for seed in ("a", "b")]
    assert held[0] != held[1]


def test_texts_without_their_seed_prompts_are_refused() -> None:
    diversity = Diversity(self_bleu=1.0, per_seed=True)
    for seeds in (None, ["one"]):
        with pytest.raises(ConfigurationError, match="per_seed=True needs the id"):
            diversity.add(["a", "b"], seeds)
    one = Diversity(self_bleu=1.0).state_dict()
    with pytest.raises(ConfigurationError, match="this one no limit, per_seed"):
        diversity.load_state_dict(one)


def test_a_failing_encoder_leaves_every_history_alone() -> None:
    def encoder(texts: list[str]) -> np.ndarray:
        return np.where([["fail" in text] for text in texts], np.nan, 1.0)

    diversity = Diversity(embedding=1.0, encoder=encoder, per_seed=True)
    diversity.add(["a"], ["first"])
    with pytest.raises(RewardError):
        diversity.add(["b", "fail"], ["first", "second"])
    assert list(diversity.state_dict()["histories"]) == ["first"]
    assert len(diversity) == 1


def test_the_texts_of_all_seed_prompts_are_encoded_together_and_once() -> None:
    asked: list[list[str]] = []

    def encoder(texts: list[str]) -> np.ndarray:
        asked.append(texts)
        return letters(texts)

    diversity = Diversity(embedding=1.0, encoder=encoder, per_seed=True)
    diversity.score(TEXTS, SEEDS)
    diversity.add(TEXTS, SEEDS)
    assert asked == [list(dict.fromkeys(TEXTS))]


def test_a_game_compares_with_prompts_of_the_same_seed_prompt() -> None:
    env = red_team_v0.vector_env(
        2,
        seed_prompts=["first", "second"],
        reward_model=FunctionReward(lambda exchanges: [0.5] * len(exchanges)),
        diversity=Diversity(self_bleu=1.0, per_seed=True),
    )
    likeness = []
    for ids in (["0", "1"], ["1", "0"], ["0", "1"]):
        env.reset(seed=0 if not likeness else None, options={"seed_prompt_ids": ids})
        env.step(["the cat sat", "a dog ran off"])
        env.step(["yes", "yes"])
        likeness.append(env.last().infos["self_bleu"].tolist())
    assert likeness[0] == [0.0, 0.0]
    assert likeness[1] == pytest.approx([0.0, 0.0], abs=1e-6)  # Nobody asked the other one that.
    alone = Diversity(self_bleu=1.0)
    alone.add(["the cat sat", "a dog ran off"])
    assert likeness[2] == alone.score(["the cat sat", "a dog ran off"]).tolist()
    assert min(likeness[2]) > 0.3
