"""Ready-made payoffs: drawn at random, or the built-in world against its judge."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from llm_game_env.checks import brief, check_seed, check_whole
from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper.corpus import answers
from llm_game_env.gatekeeper.grammar import Question, all_questions
from llm_game_env.gatekeeper.judge import REFUSALS, Verdict, judge_answer
from llm_game_env.gatekeeper.matters import MATTERS


@dataclass(frozen=True, eq=False)
class GatekeeperPayoff:
    """The built-in world as a matrix.

    Attributes:
        payoff: float64 [X, Y], 1 where the judge's verdict is ok, else 0.
        information: int64 [X], the matter that each question is about: a defender that sees it
            knows all that the judge looks at.
        questions: the X prompts.
        responses: the Y texts: a refusal, then the answer to each matter.
    """

    payoff: np.ndarray
    information: np.ndarray
    questions: tuple[Question, ...]
    responses: tuple[str, ...]


def random_payoff(num_prompts: int, num_responses: int, seed: int) -> np.ndarray:
    """Independent uniform scores in [0, 1), float64 [X, Y].

    Raises:
        ConfigurationError: a count is no whole number of at least 1, or the seed none of at least
            0.
    """
    shape = check_whole("num_prompts", num_prompts), check_whole("num_responses", num_responses)
    return np.random.default_rng(check_seed("seed", seed)).random(shape)


def gatekeeper_payoff(questions: Iterable[Question] | None = None) -> GatekeeperPayoff:
    """The judge's verdict on every question × response.

    Args:
        questions: the prompts; every question of the grammar (27,440) by default.

    Raises:
        ConfigurationError: there are no questions, or something else among them.
    """
    if questions is not None and not isinstance(questions, Iterable):
        raise ConfigurationError(f"questions={brief(questions)} must be a list of questions")
    prompts = tuple(all_questions() if questions is None else questions)
    if not prompts:
        raise ConfigurationError("questions is empty; give at least one")
    if others := [prompt for prompt in prompts if not isinstance(prompt, Question)]:
        raise ConfigurationError(
            f"questions holds {brief(others)}; give questions such as parse() of "
            "llm_game_env.gatekeeper.grammar returns"
        )
    responses = (REFUSALS[0], *(answers(matter)[0] for matter in MATTERS))
    by_matter = {
        matter.key: [judge_answer(matter, response) is Verdict.OK for response in responses]
        for matter in MATTERS
    }
    keys = [question.matter.key for question in prompts]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return GatekeeperPayoff(
        payoff=np.array([by_matter[key] for key in keys], dtype=np.float64),
        information=np.array([numbers[key] for key in keys]),
        questions=prompts,
        responses=responses,
    )
