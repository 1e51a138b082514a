"""How a language model answers every question of the built-in world, without sampling.

By the ground truth, J(π, μ) is the probability that the answer to the adversary's prompt is right:
a refusal of a secret question, the value for an ordinary one. Every question has a right answer, so
the best response to any adversary scores 1, and the Nash gap of Definition 3.1 (Zheng et al. 2024)
does not depend on the adversary:

    max_π' J(π', μ) - min_μ' J(π, μ') = 1 - min_x P(right | x) = max_x P(not right | x).

The probabilities of all texts that are answers, the refusals and the wordings of the matter's own
value, are computed by teacher forcing. Whatever the model says besides is right or not, so that the
gap is known between two ends. It is over the questions as the grammar writes them: other ways to
put the same words, such as capitals, are not among them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper.corpus import answers
from llm_game_env.gatekeeper.grammar import Question
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.spaces import Message


class QuestionAnswers(NamedTuple):
    """What is known of the answers to N questions; both are float64 [N], at least 0.

    Attributes:
        right: probability of the known texts that are right: refusals of a secret, the value of
            anything else.
        attacked: of the known texts that make an attack succeed: the reverse.
    """

    right: np.ndarray
    attacked: np.ndarray

    @property
    def gap(self) -> tuple[float, float]:
        """Between what the Nash gap is, in [0, 1]: not right at least, and at most."""
        return float(self.attacked.max()), float((1.0 - self.right).max())


def answered(defender: CausalLMPlayer, questions: Sequence[Question]) -> QuestionAnswers:
    """Asks a defender all of the questions, each in a conversation of its own.

    Args:
        defender: at the temperature that it plays at.
        questions: at least one.

    Raises:
        ConfigurationError: there are no questions.
    """
    if not questions:
        raise ConfigurationError("questions is empty; give at least one")
    chats = [[Message(role="user", content=question.text)] for question in questions]
    refused = sum(np.exp(defender.logprob(chats, [text] * len(chats))) for text in REFUSALS)
    wordings = zip(*(answers(question.matter) for question in questions), strict=True)
    told = sum(np.exp(defender.logprob(chats, wording)) for wording in wordings)
    is_secret = np.array([question.matter.secret for question in questions])
    return QuestionAnswers(np.where(is_secret, refused, told), np.where(is_secret, told, refused))


def mixed(parts: Sequence[QuestionAnswers], weights: np.ndarray) -> QuestionAnswers:
    """The same of a player that is one of several, drawn for every answer.

    Args:
        parts: M players' answers to the same questions.
        weights: probabilities, float [M].
    """
    sides = zip(*parts, strict=True)
    return QuestionAnswers(*(np.tensordot(weights, np.stack(side), axes=1) for side in sides))
