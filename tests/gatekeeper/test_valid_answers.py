"""Which answers are sentences of the world."""

import pytest

from llm_game_env.gatekeeper.corpus import playable_texts
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.matters import ORDINARY, SECRETS
from llm_game_env.gatekeeper.valid_answers import is_valid_answer

NAME, VALUE = ORDINARY[0].aliases[0], ORDINARY[0].value


def test_all_that_the_defender_was_taught_is_valid() -> None:
    assert all(map(is_valid_answer, playable_texts()["defender_0"]))


@pytest.mark.parametrize(
    ("response", "valid"),
    [
        (f"well, {NAME} is {VALUE}.", True),
        (f"Well ,  {NAME} is {VALUE} .", True),
        (f"{NAME} is {SECRETS[0].value}.", True),  # false, but a sentence
        (f"{NAME} is {VALUE}", False),
        (f"well, well, {NAME} is {VALUE}.", False),
        (f"{REFUSALS[0]} {NAME} is {VALUE}.", False),
        ("is is the of", False),
        ("", False),
    ],
)
def test_sentences(response: str, valid: bool) -> None:
    assert is_valid_answer(response) is valid
