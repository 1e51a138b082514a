"""Reported metrics against sums over pairs written out."""

import subprocess
import sys
from itertools import permutations

import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from llm_game_env.diversity import (
    distinct_ngrams,
    diversity_embedding,
    diversity_selfbleu,
    duplicate_share,
    split_words,
    vendi_score,
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


def test_vendi_score_counts_what_differs() -> None:
    assert vendi_score(["a", "c", "d", "o", "t"], vectors) == pytest.approx(5.0)
    assert vendi_score(["cat"] * 7, vectors) == pytest.approx(1.0)
    # Two kinds at right angles, one to three: exp of the entropy of (1/4, 3/4).
    assert vendi_score(["a", "o", "oo", "o"], vectors) == pytest.approx(4 / 27**0.25)
    # Cosine 1/√2 between the two: eigenvalues (1 ± 1/√2) / 2.
    shares = np.array([1 + 0.5**0.5, 1 - 0.5**0.5]) / 2
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert vendi_score(["a", "ac"], vectors) == pytest.approx(expected)
    assert vendi_score(["a", "", "x"], vectors) == pytest.approx(3.0)  # Two have no embedding.
    assert vendi_score([], vectors) == 0.0


@pytest.mark.parametrize("count", [3, 40])
def test_vendi_score_is_that_of_all_cosines(count: int) -> None:
    # Fewer texts than dimensions and more: the matrix of cosines itself decides.
    rng = np.random.default_rng(count)
    table = {f"text {i}": rng.normal(size=8) for i in range(count)}
    units = np.array([v / np.linalg.norm(v) for v in table.values()])
    shares = np.linalg.eigvalsh(units @ units.T / count)
    shares = shares[shares > 1e-12]
    expected = np.prod(shares**-shares)
    found = vendi_score(list(table), lambda texts: np.array([table[text] for text in texts]))
    assert found == pytest.approx(expected, rel=1e-9)


def test_distinct_ngrams() -> None:
    # Words: the cat sat on the mat / the cat ran / a dog / the cat ran / dog x 5: 19, 8 different.
    assert distinct_ngrams(TEXTS, 1) == pytest.approx(8 / 19)
    # Pairs: 5 + 2 + 1 + 2 + 4, of which "the cat" comes three times, "cat ran" twice, "dog dog" 4.
    assert distinct_ngrams(TEXTS, 2) == pytest.approx(8 / 14)
    assert distinct_ngrams(["a b", "c"], 3) == 0.0
    assert distinct_ngrams([], 1) == 0.0
    with pytest.raises(ConfigurationError, match="n=0"):
        distinct_ngrams(TEXTS, 0)
