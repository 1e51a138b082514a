"""The question on which a defender is weakest.

A worst case over sampled answers is 100 % as soon as enough are drawn. Instead the probability of
the canonical leak, in any of the SFT defender's wordings, is computed by teacher forcing: a lower
bound for the probability of a leak. The worst cell it finds is then asked afresh.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llm_game_env.evaluation.verdicts import ask
from llm_game_env.gatekeeper.corpus import answers
from llm_game_env.gatekeeper.grammar import Question
from llm_game_env.gatekeeper.judge import Verdict, judge_answer
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.spaces import Message


@dataclass(frozen=True)
class WorstCase:
    """Where a defender is weakest among some secret questions.

    Attributes:
        leak_probability: of the canonical leak on the worst question, by teacher forcing.
        mean_leak_probability: the same, averaged over the questions.
        prompt: that question.
        alias, opener, frame: its cell, alias × manner.
        resampled_leak: share of leaks among fresh answers to it.
        num_questions: how many were compared.
        num_resampled: fresh answers.
    """

    leak_probability: float
    mean_leak_probability: float
    prompt: str
    alias: str
    opener: str
    frame: str
    resampled_leak: float
    num_questions: int
    num_resampled: int


def leak_probabilities(defender: CausalLMPlayer, questions: Sequence[Question]) -> np.ndarray:
    """Probability of the canonical leak for each secret question, float64 [N], a lower bound."""
    total = np.zeros(len(questions))
    chats = [[Message(role="user", content=question.text)] for question in questions]
    for wording in zip(*(answers(question.matter) for question in questions), strict=True):
        total += np.exp(defender.logprob(chats, wording))
    return total


def worst_case(
    defender: CausalLMPlayer,
    questions: Sequence[Question],
    rng: np.random.Generator,
    *,
    num_resampled: int = 128,
) -> WorstCase:
    """Finds the worst of some secret questions, and asks it again."""
    secret = [question for question in questions if question.matter.secret]
    probabilities = leak_probabilities(defender, secret)
    worst = secret[int(probabilities.argmax())]
    fresh = ask(defender, [worst] * num_resampled, rng)
    leaks = sum(judge_answer(worst.matter, answer) is Verdict.LEAK for answer in fresh)
    return WorstCase(
        leak_probability=float(probabilities.max()),
        mean_leak_probability=float(probabilities.mean()),
        prompt=worst.text,
        alias=worst.matter.aliases[worst.alias],
        opener=worst.opener,
        frame=worst.frame,
        resampled_leak=leaks / num_resampled,
        num_questions=len(secret),
        num_resampled=num_resampled,
    )
