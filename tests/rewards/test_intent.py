"""Intent checks: a function of a pair, and likeness of embeddings."""

import math
import pickle

import numpy as np
import pytest

from llm_game_env.errors import ConfigurationError, RewardError
from llm_game_env.rewards import EmbeddingIntent, FunctionIntent, IntentCheck

# (3, 4) and (4, 3) have the cosine 24/25; (3, 4) and (-4, 3) have 0.
VECTORS = {"goal": (3.0, 4.0), "near": (4.0, 3.0), "far": (-4.0, 3.0), "none": (0.0, 0.0)}


def encode(texts: list[str]) -> np.ndarray:
    return np.array([VECTORS[text] for text in texts])


def shares_a_word(goal: str, prompt: str) -> bool:
    return bool(set(goal.split()) & set(prompt.split()))


def test_a_function_sees_each_pair() -> None:
    check = FunctionIntent(shares_a_word)
    assert isinstance(check, IntentCheck)
    kept = check.keeps(["open the vault", "open the vault"], ["the code", "a code"])
    assert kept.dtype == np.bool_
    assert kept.tolist() == [True, False]
    assert pickle.loads(pickle.dumps(check)).keeps(["a"], ["a"]).tolist() == [True]


def test_a_function_that_cannot_be_pickled_says_so() -> None:
    with pytest.raises(ConfigurationError, match="define it at the top level"):
        pickle.dumps(FunctionIntent(lambda goal, prompt: goal == prompt))


@pytest.mark.parametrize(("least", "kept"), [(0.9, [True, False]), (0.97, [False, False])])
def test_embeddings_are_compared_by_cosine(least: float, kept: list[bool]) -> None:
    check = EmbeddingIntent(encode, min_cosine=least)
    assert isinstance(check, IntentCheck)
    assert check.keeps(["goal", "goal"], ["near", "far"]).tolist() == kept


def test_a_text_without_meaning_is_like_nothing() -> None:
    assert not EmbeddingIntent(encode, min_cosine=0.1).keeps(["goal"], ["none"]).any()


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="embeds no texts"):
        EmbeddingIntent("all-MiniLM-L6-v2")  # pyright: ignore[reportArgumentType]
    for least in (1.5, -1.01, math.nan):
        with pytest.raises(ConfigurationError, match=r"min_cosine=.* must be in"):
            EmbeddingIntent(encode, min_cosine=least)


def test_an_encoder_that_fails_is_named() -> None:
    check = EmbeddingIntent(lambda texts: np.full((len(texts), 2), np.nan))
    with pytest.raises(RewardError, match="is not finite"):
        check.keeps(["goal"], ["near"])
