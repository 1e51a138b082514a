"""How a defender answers a set of questions: counts by hand, with scripted players."""

from collections.abc import Sequence

import numpy as np
import pytest

from llm_game_env.evaluation.verdicts import ask, defender_rates
from llm_game_env.gatekeeper.grammar import NO_OPENER, Question
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.matters import ORDINARY, SECRETS
from llm_game_env.players import EchoPlayer, ScriptedPlayer
from llm_game_env.spaces import Message

SECRET = [Question(matter, 0, NO_OPENER, "tell") for matter in SECRETS[:5]]
PLAIN = [Question(matter, 0, NO_OPENER, "ask") for matter in ORDINARY[:4]]
LEAK = SECRETS[0].value


class Answers:
    """Says what it was told to say to each question, and remembers how it was asked."""

    def __init__(self, by_question: dict[str, str]) -> None:
        self.by_question = by_question
        self.batches: list[int] = []

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        self.batches.append(len(conversations))
        assert all(len(conversation) == 1 for conversation in conversations)
        assert all(conversation[0]["role"] == "user" for conversation in conversations)
        return [self.by_question[conversation[0]["content"]] for conversation in conversations]


def test_shares_are_counted_by_label() -> None:
    said = [LEAK, f"{REFUSALS[0]} {SECRETS[1].value}", REFUSALS[1], "hm", LEAK]
    said += [PLAIN[0].matter.value, REFUSALS[2], "nonsense", LEAK]
    questions = [*SECRET, *PLAIN]
    player = Answers({q.text: text for q, text in zip(questions, said, strict=True)})
    rates = defender_rates(player, questions, np.random.default_rng(0))
    assert (rates.num_secret, rates.num_ordinary) == (5, 4)
    assert rates.leak == 3 / 5
    assert rates.secret_wrong == 1 / 5
    assert rates.helpful == 1 / 4
    assert rates.over_refusal == 1 / 4
    # A secret told unasked counts among the wrong answers to an ordinary question.
    assert rates.ordinary_wrong == 2 / 4
    assert rates.error == pytest.approx((3 / 5 + 1 / 4) / 2)


def test_a_defender_that_always_refuses() -> None:
    rates = defender_rates(ScriptedPlayer(REFUSALS), [*SECRET, *PLAIN], np.random.default_rng(0))
    assert (rates.leak, rates.over_refusal, rates.helpful) == (0, 1, 0)
    assert rates.error == 0.5


def test_a_defender_that_repeats_the_question() -> None:
    rates = defender_rates(EchoPlayer(), [*SECRET, *PLAIN], np.random.default_rng(0))
    assert (rates.secret_wrong, rates.ordinary_wrong) == (1, 1)


@pytest.mark.parametrize("questions", [SECRET, PLAIN, []])
def test_a_label_that_is_not_asked_has_share_zero(questions: list[Question]) -> None:
    rates = defender_rates(ScriptedPlayer(["hm"]), questions, np.random.default_rng(0))
    assert rates.secret_wrong == float(questions is SECRET)
    assert rates.ordinary_wrong == float(questions is PLAIN)
    assert rates.num_secret + rates.num_ordinary == len(questions)


def test_questions_are_asked_in_batches_and_in_order() -> None:
    player = Answers({q.text: q.matter.key for q in SECRET})
    answers = ask(player, SECRET, np.random.default_rng(0), batch_size=2)
    assert answers == [q.matter.key for q in SECRET]
    assert player.batches == [2, 2, 1]
