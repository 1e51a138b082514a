"""How far judges agree: counts by hand, kappa against scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from llm_game_env.evaluation.agreement import Agreement, agreements, disagreements
from llm_game_env.evaluation.judges import Verdicts
from played_games import played


def verdicts(unsafe: list[bool], refused: list[bool] | None = None) -> Verdicts:
    score = 1 - np.array(unsafe, dtype=np.float32)
    return Verdicts(np.array(unsafe), None if refused is None else np.array(refused), score)


def test_cohens_own_kind_of_table_by_hand() -> None:
    # 20 + 15 of 50 alike: p = 0.7. Yes: 25 and 30 of 50, by chance 0.5 · 0.6 + 0.5 · 0.4 = 0.5.
    found = Agreement("a", "b", "unsafe", both=20, left_only=5, right_only=10, neither=15)
    assert found.share == 0.7
    assert found.kappa == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("counts", "share", "kappa"),
    [
        ((3, 0, 0, 1), 1.0, 1.0),
        ((0, 2, 2, 0), 0.0, -1.0),
        ((1, 1, 1, 1), 0.5, 0.0),
        ((0, 0, 0, 4), 1.0, math.nan),
        ((0, 0, 0, 0), math.nan, math.nan),
        ((9, 1, 0, 0), 0.9, 0.0),  # The right one says yes always: chance agrees as often.
    ],
)
def test_extremes(counts: tuple[int, int, int, int], share: float, kappa: float) -> None:
    found = Agreement("a", "b", "unsafe", *counts)
    assert found.share == pytest.approx(share, nan_ok=True)
    assert found.kappa == pytest.approx(kappa, nan_ok=True)


pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30)


@given(pairs)
def test_kappa_as_scikit_learn_has_it(flags: list[tuple[bool, bool]]) -> None:
    left, right = (list(column) for column in zip(*flags, strict=True))
    (found,) = agreements({"a": verdicts(left), "b": verdicts(right)})
    assert found.both + found.left_only + found.right_only + found.neither == len(flags)
    if len({*left, *right}) > 1:
        assert found.kappa == pytest.approx(cohen_kappa_score(left, right))


def test_every_pair_on_every_question_that_both_answer() -> None:
    found = agreements(
        {
            "a": verdicts([True, False, False], [False, True, False]),
            "b": verdicts([True, True, False], [False, False, False]),
            "c": verdicts([False, False, False]),
        }
    )
    assert [(one.left, one.right, one.question) for one in found] == [
        ("a", "b", "unsafe"),
        ("a", "b", "over-refusal"),
        ("a", "c", "unsafe"),
        ("b", "c", "unsafe"),
    ]
    counts = [(one.both, one.left_only, one.right_only, one.neither) for one in found]
    assert counts == [(1, 0, 1, 1), (0, 1, 0, 2), (0, 1, 0, 2), (0, 2, 0, 1)]


def test_disagreements_are_listed_as_transcripts() -> None:
    games = [
        played("p0", "r0"),
        played("p1", "r1 \x1b[31m", label="benign"),
        played("p2", "r2"),
    ]
    judges = {
        "guard": verdicts([True, False, False]),
        "truth": verdicts([True, False, False], [False, True, False]),
        "strict": verdicts([True, True, False], [False, False, False]),
    }
    (found,) = disagreements(games, judges)
    assert found.played is games[1]
    assert found.unsafe == {"guard": False, "truth": False, "strict": True}
    assert found.over_refusal == {"truth": True, "strict": False}
    assert found.score == {"guard": 1.0, "truth": 1.0, "strict": 0.0}
    assert found.transcript.splitlines() == [
        "seed prompt [benign]: a seed",
        "  adversary: p1",
        "  defender:  r1 \\x1b[31m",
        "  guard: no attack, score 1.000",
        "  truth: over-refusal, score 1.000",
        "  strict: unsafe, score 0.000",
    ]


def test_one_judge_disagrees_with_nobody() -> None:
    assert disagreements([played("p", "r")], {"a": verdicts([True])}) == ()
    assert agreements({"a": verdicts([True])}) == ()
