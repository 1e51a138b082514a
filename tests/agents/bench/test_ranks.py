"""Ranks against places that were worked out by hand."""

import pytest

from llm_game_agents.bench.ranks import Rank, ranks

SEEDS = range(4)


def by_seed(*values: float) -> dict[int, float]:
    return dict(zip(SEEDS, values, strict=False))


def test_what_is_shown_to_differ_is_ordered() -> None:
    # Differences of 10 ± 1 at three degrees of freedom: the interval excludes 0 by far.
    values = {
        "good": by_seed(1, 2, 1, 2),
        "middle": by_seed(11, 11, 12, 11),
        "bad": by_seed(21, 22, 20, 22),
    }
    assert ranks(values, higher_is_better=False) == {
        "good": Rank(1, 1),
        "middle": Rank(2, 2),
        "bad": Rank(3, 3),
    }
    assert ranks(values, higher_is_better=True)["bad"] == Rank(1, 1)


def test_what_differs_alike_on_every_seed_is_ordered() -> None:
    values = {"sft": by_seed(0, 0, 0), "always-refuse": by_seed(1, 1, 1)}
    assert ranks(values, higher_is_better=False) == {"sft": Rank(1, 1), "always-refuse": Rank(2, 2)}


def test_what_overlaps_shares_places() -> None:
    # "a" and "b" differ by 1 ± 3; "c" is behind both.
    values = {"a": by_seed(1, 5, 2, 6), "b": by_seed(5, 2, 5, 6), "c": by_seed(50, 51, 49, 52)}
    found = ranks(values, higher_is_better=False)
    assert found == {"a": Rank(1, 2), "b": Rank(1, 2), "c": Rank(3, 3)}
    assert [str(found[name]) for name in "abc"] == ["1–2", "1–2", "3"]


def test_a_tie_need_not_be_transitive() -> None:
    # a - b = -2 ± .3 is shown, b - c and a - c hold a seed that spoils them.
    values = {
        "a": by_seed(0, 0.1, 0.2, 0.1),
        "b": by_seed(2, 2.2, 2.1, 2.3),
        "c": by_seed(-9, 9, 9, 0),
    }
    assert ranks(values, higher_is_better=False) == {
        "a": Rank(1, 2),
        "b": Rank(2, 3),
        "c": Rank(1, 3),
    }


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_show_nothing(seeds: int) -> None:
    values = {"a": by_seed(*[0.0] * seeds), "b": by_seed(*[1.0] * seeds)}
    assert ranks(values, higher_is_better=True) == {"a": Rank(1, 2), "b": Rank(1, 2)}


def test_only_common_seeds_are_paired() -> None:
    values = {
        "a": {0: 0.0, 1: 0.1, 2: 0.2, 3: 99.0},
        "b": {0: 5.0, 1: 5.2, 2: 5.1},
        "c": {7: 1.0, 8: 2.0, 9: 1.5},
    }
    found = ranks(values, higher_is_better=False)
    assert (found["a"], found["b"], found["c"]) == (Rank(1, 2), Rank(2, 3), Rank(1, 3))
