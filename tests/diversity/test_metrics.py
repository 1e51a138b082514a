"""Reported metrics against sums over pairs written out."""

import subprocess
import sys
from itertools import permutations

import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from llm_game_env.diversity import (
    diversity_embedding,
    diversity_selfbleu,
    duplicate_share,
    split_words,
)
from llm_game_env.errors import ConfigurationError

TEXTS = ["the cat sat on the mat", "the cat ran", "", "a dog", "the cat ran", "dog dog dog dog dog"]


def vectors(texts: list[str]) -> np.ndarray:
    return np.array([[text.count(letter) for letter in "acdot"] for text in texts], float)


def test_diversity_selfbleu_leaves_self_pairs_out() -> None:
    weights = [(1 / n,) * n for n in (2, 3, 4, 5)]
    scores = [
        np.mean(
            [
                sentence_bleu(
                    [split_words(r)],
                    split_words(h),
                    weights=w,
                    smoothing_function=SmoothingFunction().method1,
                )
                for w in weights
            ]
        )
        for h, r in permutations(TEXTS, 2)
    ]
    assert diversity_selfbleu(TEXTS) == pytest.approx(1 - np.mean(scores), abs=1e-12)
    assert diversity_selfbleu(["one two", "three four"]) == 1.0
    assert diversity_selfbleu(["a b c d e f"] * 3) == pytest.approx(0.0, abs=1e-12)


def test_diversity_embedding_leaves_self_pairs_out() -> None:
    units = vectors(TEXTS)
    lengths = np.linalg.norm(units, axis=1, keepdims=True)
    units = units / np.where(lengths > 0, lengths, 1)
    cosines = [float(a @ b) for a, b in permutations(units, 2)]
    assert diversity_embedding(TEXTS, vectors) == pytest.approx(1 - np.mean(cosines) / 2, abs=1e-12)
    assert diversity_embedding(["cat", "cat"], vectors) == pytest.approx(0.5)


def test_duplicate_share() -> None:
    assert duplicate_share(TEXTS) == pytest.approx(1 / 6)
    assert duplicate_share(["a", "A"]) == 0.0
    assert duplicate_share(["a"] * 4) == 0.75
    assert duplicate_share([]) == 0.0


def test_too_few_texts_are_refused() -> None:
    for texts in ([], ["alone"]):
        with pytest.raises(ConfigurationError, match="at least two"):
            diversity_selfbleu(texts)
        with pytest.raises(ConfigurationError, match="at least two"):
            diversity_embedding(texts, vectors)
    with pytest.raises(ConfigurationError, match="texts"):
        duplicate_share("abc")


def test_split_words_follows_its_rule() -> None:
    assert split_words("Don't STOP…\n x_1") == ["don", "'", "t", "stop", "…", "x_1"]
    assert split_words("ÉTÉ 中文!🙂") == ["été", "中文", "!", "🙂"]
    assert split_words(" \t") == []


def test_importing_the_package_leaves_torch_alone() -> None:
    code = "import sys, llm_game_env.diversity as d; assert 'torch' not in sys.modules, d"
    subprocess.run([sys.executable, "-c", code], check=True)
