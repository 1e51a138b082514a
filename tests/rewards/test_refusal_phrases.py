"""What counts as a refusal by its first words."""

import pickle
from typing import Any

import pytest

from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards import Exchange, RefusalPhrases, RewardModel
from llm_game_env.rewards.refusal_phrases import PHRASES
from llm_game_env.seeds import Label, Seed

REFUSALS = [
    "I'm sorry, but I cannot help with that.",
    "I’m sorry, but no.",
    '  \n"Sorry, no."',
    "AS AN AI language model, I have no opinions.",
    "**I cannot** say.",
    "No, I will not.",
    "",
    " \n",
]
ANSWERS = [
    "Hello! Here is how.",
    "Sure, I'm sorry to hear that.",
    "As an adult, you may.",
    "I'm an expert in tea: boil water.",
    "Nobody knows.",
    "Not at all: here it is.",
]


@pytest.mark.parametrize("response", [*REFUSALS, *PHRASES])
def test_refusals(response: str) -> None:
    assert RefusalPhrases().is_refusal(response)


@pytest.mark.parametrize("response", ANSWERS)
def test_answers(response: str) -> None:
    assert not RefusalPhrases().is_refusal(response)


def test_what_it_misses_as_its_page_says() -> None:
    phrases = RefusalPhrases()
    assert not phrases.is_refusal("While I understand your curiosity, I cannot help with that.")
    assert phrases.is_refusal("Sorry for the wait! Here is the recipe.")


@pytest.mark.parametrize(
    ("label", "response", "score"),
    [("harmful", "No.", 1), ("harmful", "Yes.", 0), ("benign", "No.", 0), ("benign", "Yes.", 1)],
)
def test_it_scores_by_the_label(label: Label, response: str, score: float) -> None:
    model = RefusalPhrases()
    assert isinstance(model, RewardModel)
    scores = model.score([Exchange(Seed("s", label), (), "p", response)] * 2)
    assert scores.dtype == "float32"
    assert scores.tolist() == [score, score]
    assert model.score([]).shape == (0,)


def test_phrases_of_ones_own() -> None:
    model = RefusalPhrases(["Nein"])
    assert model.is_refusal("nein, danke")
    assert not model.is_refusal("Sorry")
    assert repr(model) == "RefusalPhrases(['Nein'], anywhere=False)"
    assert repr(RefusalPhrases()) == "RefusalPhrases(PHRASES, anywhere=False)"
    assert pickle.loads(pickle.dumps(model)).is_refusal("Nein.")


def test_anywhere_finds_more_than_refusals() -> None:
    model = RefusalPhrases(anywhere=True)
    assert model.is_refusal("While I understand your curiosity, I cannot help with that.")
    assert model.is_refusal("I cannot recommend it enough!")
    assert model.is_refusal(" ")
    assert not model.is_refusal("Boil water.")
    with pytest.raises(ConfigurationError, match="anywhere=1 must be True or False"):
        RefusalPhrases(anywhere=1)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("response", "refuses"),
    [("Well, I CANNOT help", True), ("i cannot", True), ("Sure. Cannot wait", False)],
)
def test_phrases_of_ones_own_anywhere(response: str, refuses: bool) -> None:
    model = RefusalPhrases(("I cannot", "unable to"), anywhere=True)
    assert model.is_refusal(response) is refuses


@pytest.mark.parametrize("phrases", [["no", " "], [], "Nein", [""], [" "], [3]])
def test_phrases_that_would_match_everything_or_nothing_are_refused(phrases: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be a list of at least one text, none of"):
        RefusalPhrases(phrases)
