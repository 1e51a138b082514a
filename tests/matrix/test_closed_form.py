"""The closed forms against games worked out by hand, and against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from llm_game_env.errors import ConfigurationError
from llm_game_env.matrix.closed_form import MatrixGame, make_matrix_game

PENNIES = [[1.0, 0.0], [0.0, 1.0]]
# The defender wins a scissors-paper-stone against what it does not see.
ROCK_PAPER_SCISSORS = [[0.5, 1.0, 0.0], [0.0, 0.5, 1.0], [1.0, 0.0, 0.5]]
HALF = np.array([0.5, 0.5])


def blind(payoff: list[list[float]], **parts: list[float]) -> MatrixGame:
    return make_matrix_game(payoff, information=[0] * len(payoff), **parts)


def test_matching_pennies_unseen_is_worth_a_half() -> None:
    game = blind(PENNIES)
    assert game.value == pytest.approx(0.5)
    assert game.equilibrium.adversary == pytest.approx(HALF)
    assert game.equilibrium.defender == pytest.approx(HALF[None])
    assert game.nash_gap(HALF, HALF[None]) == pytest.approx(0.0)
    # Against (1, 0) the defender gets 1; against its (1/2, 1/2) the adversary allows 1/2.
    assert game.nash_gap([1.0, 0.0], HALF[None]) == pytest.approx(0.5)
    assert game.nash_gap([1.0, 0.0], [[1.0, 0.0]]) == pytest.approx(1.0)


def test_matching_pennies_seen_is_worth_one() -> None:
    game = make_matrix_game(PENNIES)
    assert game.value == 1.0
    assert game.equilibrium.defender.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert game.nash_gap(HALF, np.eye(2)) == 0.0
    assert game.nash_gap(HALF, np.full((2, 2), 0.5)) == pytest.approx(0.5)


def test_a_fixed_likeness_moves_the_equilibrium() -> None:
    # Against (p, 1 - p) the prompts cost p + 0.5 and 1 - p: alike at p = 1/4, where J = 3/4.
    game = blind(PENNIES, likeness=[0.5, 0.0])
    assert game.value == pytest.approx(0.75)
    assert game.equilibrium.defender == pytest.approx(np.array([[0.25, 0.75]]))
    # The defender must be indifferent: the adversary still plays both alike.
    assert game.equilibrium.adversary == pytest.approx(HALF)
    assert game.expected(HALF, [[0.25, 0.75]]) == pytest.approx(0.75)


def test_scissors_paper_stone() -> None:
    game = blind(ROCK_PAPER_SCISSORS)
    assert game.value == pytest.approx(0.5)
    assert game.equilibrium.adversary == pytest.approx(np.full(3, 1 / 3))
    assert game.best_response("defender_0", [0, 1, 0]).tolist() == [[0, 0, 1]]
    assert game.best_response("adversary_0", [[0, 1, 0]]).tolist() == [0, 0, 1]


def test_information_sets_between_all_and_nothing() -> None:
    # Prompts 0 and 1 look alike, 2 is seen: it is answered at its best, 1.
    payoff = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    game = make_matrix_game(payoff, information=[0, 0, 1])
    assert game.num_information_sets == 2
    assert game.value == pytest.approx(0.5)
    assert game.equilibrium.adversary == pytest.approx(np.array([0.5, 0.5, 0.0]))
    reply = game.best_response("defender_0", [0.2, 0.5, 0.3])
    assert reply.tolist() == [[0.0, 1.0], [0.0, 1.0]]


def test_sets_may_be_numbered_in_any_order_where_all_is_seen() -> None:
    game = make_matrix_game([[0.0, 1.0], [0.7, 0.0]], information=[1, 0])
    assert game.equilibrium.defender.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert game.value == pytest.approx(0.7)


unit = st.floats(0, 1, width=32)


@st.composite
def games(draw: st.DrawFn) -> MatrixGame:
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    payoff = draw(arrays(np.float64, (rows, columns), elements=unit))
    likeness = draw(arrays(np.float64, (rows,), elements=unit))
    labels = draw(st.lists(st.integers(0, rows - 1), min_size=rows, max_size=rows))
    _, information = np.unique(labels, return_inverse=True)
    return make_matrix_game(payoff, information, likeness)


def policies(game: MatrixGame, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    adversary = rng.dirichlet(np.ones(game.num_prompts))
    return adversary, rng.dirichlet(np.ones(game.num_responses), game.num_information_sets)


def brute_expected(game: MatrixGame, adversary: np.ndarray, defender: np.ndarray) -> float:
    total = 0.0
    for x in range(game.num_prompts):
        for y in range(game.num_responses):
            chance = adversary[x] * defender[game.information[x], y]
            total += chance * (game.payoff[x, y] + game.likeness[x])
    return total


@settings(max_examples=60, deadline=None)
@given(games(), st.integers(0, 2**32 - 1))
def test_gap_and_best_responses_agree_with_enumeration(game: MatrixGame, seed: int) -> None:
    adversary, defender = policies(game, seed)
    value = brute_expected(game, adversary, defender)
    assert game.expected(adversary, defender) == pytest.approx(value)
    pure = [brute_expected(game, point, defender) for point in np.eye(game.num_prompts)]
    reply = game.best_response("adversary_0", defender)
    assert brute_expected(game, reply, defender) == pytest.approx(min(pure))
    best = game.best_response("defender_0", adversary)
    most = brute_expected(game, adversary, best)
    for k in range(game.num_information_sets):
        for y in range(game.num_responses):
            other = best.copy()
            other[k] = np.eye(game.num_responses)[y]
            assert brute_expected(game, adversary, other) <= most + 1e-12
    assert game.nash_gap(adversary, defender) == pytest.approx(most - min(pure))


@settings(max_examples=60, deadline=None)
@given(games(), st.integers(0, 2**32 - 1))
def test_nothing_improves_on_the_equilibrium(game: MatrixGame, seed: int) -> None:
    adversary, defender, value = game.equilibrium
    assert game.expected(adversary, defender) == pytest.approx(value, abs=1e-7)
    assert game.nash_gap(adversary, defender) == pytest.approx(0.0, abs=1e-7)
    assert game.value == value
    other_adversary, other_defender = policies(game, seed)
    assert game.expected(other_adversary, defender) >= value - 1e-7
    assert game.expected(adversary, other_defender) <= value + 1e-7


REFUSED = {
    "no matrix": ({"payoff": [1.0, 2.0]}, r"payoff has the shape \(2,\)"),
    "empty": ({"payoff": np.zeros((0, 3))}, r"payoff has the shape \(0, 3\)"),
    "not finite": ({"payoff": [[np.nan]]}, "payoff holds numbers that are not finite"),
    "no numbers": ({"payoff": [["a"]]}, "payoff must be an array of numbers"),
    "ragged": ({"payoff": [[1.0], [1.0, 2.0]]}, "payoff must be an array of numbers"),
    "short likeness": ({"payoff": PENNIES, "likeness": [1.0]}, r"likeness has the shape \(1,\)"),
    "infinite likeness": ({"payoff": PENNIES, "likeness": [np.inf, 0]}, "not finite"),
    "short information": ({"payoff": PENNIES, "information": [0]}, r"information has the shape"),
    "fractions": ({"payoff": PENNIES, "information": [0.5, 1]}, "give a whole number for each"),
    "a gap": ({"payoff": PENNIES, "information": [0, 2]}, r"names the sets \[0, 2\]"),
    "below zero": ({"payoff": PENNIES, "information": [-1, 0]}, r"names the sets \[-1, 0\]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_parts_are_refused(name: str) -> None:
    arguments, message = REFUSED[name]
    with pytest.raises(ConfigurationError, match=message):
        make_matrix_game(**arguments)


def test_bad_policies_are_refused() -> None:
    game = blind(PENNIES)
    with pytest.raises(ConfigurationError, match=r"adversary_policy has the shape \(1,\)"):
        game.nash_gap([1.0], HALF[None])
    with pytest.raises(ConfigurationError, match=r"defender_policy has the shape \(2,\)"):
        game.nash_gap(HALF, HALF)
    with pytest.raises(ConfigurationError, match=r"adversary_policy must hold probabilities"):
        game.expected([0.5, 0.6], HALF[None])
    with pytest.raises(ConfigurationError, match=r"the least is -0.5"):
        game.best_response("defender_0", [1.5, -0.5])
    with pytest.raises(ConfigurationError, match="agent='defender' must be one of"):
        game.best_response("defender", HALF)
