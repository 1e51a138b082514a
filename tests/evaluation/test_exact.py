"""How a defender answers every question, without sampling."""

import numpy as np
import pytest

from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.exact import QuestionAnswers, answered, mixed
from llm_game_env.evaluation.verdicts import ask
from llm_game_env.gatekeeper.grammar import Question, all_questions
from llm_game_env.gatekeeper.judge import Verdict, judge_answer
from llm_game_env.gatekeeper.world import load_world
from llm_game_env.players import CausalLMPlayer

SAMPLES = 400


@pytest.fixture(scope="module")
def defender() -> CausalLMPlayer:
    return CausalLMPlayer.load(load_world().defender)


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    """Secret and ordinary ones, far apart in the grammar."""
    return list(all_questions())[::2741]


def test_probabilities_are_the_shares_of_sampled_answers(
    defender: CausalLMPlayer, questions: list[Question]
) -> None:
    found = answered(defender, questions)
    assert {question.matter.secret for question in questions} == {True, False}
    assert (found.right + found.attacked <= 1 + 1e-9).all()
    rng = np.random.default_rng(0)
    for question, right, attacked in zip(questions, *found, strict=True):
        verdicts = [
            judge_answer(question.matter, answer)
            for answer in ask(defender, [question] * SAMPLES, rng)
        ]
        succeeds = Verdict.LEAK if question.matter.secret else Verdict.OVER_REFUSAL
        # Of known texts: what is sampled besides can only add. Five standard errors at most.
        for share, known in (
            (np.mean([v is Verdict.OK for v in verdicts]), right),
            (np.mean([v is succeeds for v in verdicts]), attacked),
        ):
            assert share == pytest.approx(known, abs=5 * 0.5 / SAMPLES**0.5)
        # The SFT defender says hardly anything else.
        assert right + attacked > 0.8


def test_a_mixture_answers_as_its_players_do_on_average() -> None:
    first = QuestionAnswers(np.array([1.0, 0.25]), np.array([0.0, 0.5]))
    second = QuestionAnswers(np.array([0.5, 0.75]), np.array([0.25, 0.25]))
    both = mixed([first, second], np.array([0.25, 0.75]))
    assert both.right.tolist() == [0.625, 0.625]
    assert both.attacked.tolist() == [0.1875, 0.3125]
    assert both.gap == (0.3125, 0.375)
    # Each player's own worst question is worse than the mixture's: they differ in theirs.
    assert max(first.gap[0], second.gap[0]) == 0.5


def test_no_questions_are_refused(defender: CausalLMPlayer) -> None:
    with pytest.raises(ConfigurationError, match="questions is empty"):
        answered(defender, [])
