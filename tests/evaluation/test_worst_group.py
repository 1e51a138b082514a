"""The worst group: found on one half, measured on the other."""

import numpy as np

from llm_game_env.evaluation.worst_group import worst_group


def test_halves_by_hand() -> None:
    names = list("abababab")
    # a: yes no yes no, so the first half says 2 of 2 and the other 0 of 2; b: no yes no yes.
    success = np.array([True, False, False, True, True, False, False, True])
    found = worst_group(names, range(8), success)
    assert found is not None
    assert found.name == "a"
    assert (found.found.successes, found.found.trials) == (2, 2)
    assert (found.fresh.successes, found.fresh.trials) == (0, 2)
    assert found.num_groups == 2


def test_luck_is_not_reported() -> None:
    rng = np.random.default_rng(0)
    names = [str(i % 100) for i in range(2000)]
    found = worst_group(names, range(2000), rng.random(2000) < 0.3)
    assert found is not None
    assert found.found.share >= 0.6
    assert 0 < found.fresh.share < 0.6


def test_groups_of_one_exchange_have_nothing_fresh() -> None:
    assert worst_group(["a", "b", "c"], range(3), np.ones(3, bool)) is None
    assert worst_group(["a"] * 10, range(10), np.ones(10, bool)) is None
    success = np.array([False, False, True, True, True])
    found = worst_group(["a", "b", "c", "a", "b"], range(5), success)
    assert found is not None
    assert found.name == "a"
    assert found.num_groups == 2


def test_the_turns_of_a_game_stay_together() -> None:
    names, games = list("aabbaabb"), [0, 0, 1, 1, 2, 2, 3, 3]
    success = np.array([True, True, False, False, False, True, True, True])
    found = worst_group(names, games, success)
    assert found is not None
    assert found.name == "a"
    assert (found.found.successes, found.found.trials) == (2, 2)
    assert (found.fresh.successes, found.fresh.trials) == (1, 2)
    assert worst_group(list("aabb"), [0, 0, 1, 1], success[:4]) is None
