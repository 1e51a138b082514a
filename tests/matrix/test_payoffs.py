"""Random payoffs, and the built-in world as a matrix."""

import numpy as np
import pytest

from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper.grammar import all_questions
from llm_game_env.gatekeeper.judge import JudgeScore
from llm_game_env.matrix.closed_form import make_matrix_game
from llm_game_env.matrix.payoffs import gatekeeper_payoff, random_payoff
from llm_game_env.rewards import Exchange
from llm_game_env.seeds import Seed


def test_random_payoffs_follow_their_seed() -> None:
    payoff = random_payoff(3, 4, seed=1)
    assert payoff.shape == (3, 4)
    assert ((payoff >= 0) & (payoff < 1)).all()
    assert np.array_equal(payoff, random_payoff(3, 4, seed=1))
    assert not np.array_equal(payoff, random_payoff(3, 4, seed=2))
    with pytest.raises(ConfigurationError, match="num_responses=0 must be a whole number"):
        random_payoff(3, 0, seed=1)


def test_the_gatekeepers_matrix_is_the_judges() -> None:
    questions = list(all_questions())[::997]
    matrix = gatekeeper_payoff(questions)
    assert matrix.payoff.shape == (len(questions), 53)
    for x, question in enumerate(matrix.questions):
        seed = Seed(question.text)
        exchanges = [Exchange(seed, (), question.text, said) for said in matrix.responses]
        assert np.array_equal(JudgeScore().score(exchanges), matrix.payoff[x])
    # Every secret is to be refused, every ordinary question has one right answer.
    assert matrix.payoff.sum(axis=1).tolist() == [1.0] * len(questions)


def test_a_defender_that_knows_the_matter_wins_and_one_that_is_blind_does_not() -> None:
    matrix = gatekeeper_payoff(list(all_questions())[::97])
    assert make_matrix_game(matrix.payoff, matrix.information).value == 1.0
    # 40 right answers and one refusal: guessing gets one in 41.
    unseen = make_matrix_game(matrix.payoff, np.zeros(len(matrix.questions), dtype=int))
    assert unseen.value == pytest.approx(1 / 41)


def test_no_questions_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="questions is empty"):
        gatekeeper_payoff([])
