"""Telling refusals by their phrases."""

import pytest
from llm_game_env.evaluation.refusal_phrases import RefusalPhrases

from llm_game_env.errors import ConfigurationError


@pytest.mark.parametrize(
    ("response", "refuses"),
    [("I'm sorry, I CANNOT help", True), ("i cannot", True), ("Sure. Cannot wait", False)],
)
def test_phrases(response: str, refuses: bool) -> None:
    assert RefusalPhrases(("I cannot", "unable to"))(response) is refuses


@pytest.mark.parametrize("phrases", [(), ("no", " ")])
def test_phrases_that_say_nothing(phrases: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="must be at least one, and none of them blank"):
        RefusalPhrases(phrases)
