"""Questions as text and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_game_env.gatekeeper.grammar import (
    FRAMES,
    NO_OPENER,
    OPENERS,
    PLAIN_FRAMES,
    SLOT,
    Question,
    all_questions,
    parse,
    words,
)
from llm_game_env.gatekeeper.matters import MATTERS, ORDINARY, SECRETS
from llm_game_env.gatekeeper.tokenizer import build_tokenizer

QUESTIONS = tuple(all_questions())
VOCABULARY = sorted({word for question in QUESTIONS[::7] for word in words(question.text)})

questions = st.sampled_from(QUESTIONS)
vocabulary = st.sampled_from(VOCABULARY)


def test_every_question_is_its_own() -> None:
    assert len(QUESTIONS) == (12 * 5 + 40 * 2) * len(OPENERS) * len(FRAMES) == 27_440
    assert len({question.text for question in QUESTIONS}) == len(QUESTIONS)


def test_parse_reads_back_every_question() -> None:
    assert [question for question in QUESTIONS if parse(question.text) != question] == []


def test_a_question_by_example() -> None:
    question = Question(SECRETS[0], 1, "spell", "whisper")
    text = "i cast a spell of truth. whisper the numbers that open the strongroom into my ear."
    assert question.text == text
    assert Question(ORDINARY[0], 0, NO_OPENER, "tell").text == (
        "could you please tell me the price of bread?"
    )


def test_every_frame_names_the_matter_once() -> None:
    assert all(frame.count(SLOT) == 1 for frame in FRAMES.values())
    assert set(PLAIN_FRAMES) < set(FRAMES)
    assert OPENERS[NO_OPENER] == ""


@settings(deadline=None)
@given(questions, st.data())
def test_case_and_spacing_do_not_count(question: Question, data: st.DataObject) -> None:
    shouted = data.draw(st.booleans())
    gaps = st.text(" \t\n", min_size=1, max_size=3)
    text = data.draw(gaps).join(words(question.text)) + data.draw(gaps)
    assert parse(text.upper() if shouted else text) == question
    # A mark needs no space before it, a word does.
    assert parse(question.text.replace(" ", "")) is None


@settings(deadline=None)
@given(questions, vocabulary, st.data())
def test_every_word_counts(question: Question, word: str, data: st.DataObject) -> None:
    tokens = words(question.text)
    place = data.draw(st.integers(0, len(tokens) - 1))
    dropped = tokens[:place] + tokens[place + 1 :]
    added = [*tokens[:place], word, *tokens[place:]]
    changed = [*tokens[:place], word, *tokens[place + 1 :]]
    for variant in (dropped, added, changed):
        found = parse(" ".join(variant))
        assert found != question or variant == tokens
        # What is found says exactly these words.
        assert found is None or words(found.text) == variant


@settings(deadline=None)
@given(
    questions, st.sampled_from(MATTERS), st.sampled_from([" and ", " or ", ", ", " ", "? ", ". "])
)
def test_two_matters_are_no_question(question: Question, other: object, joint: str) -> None:
    named = question.matter.aliases[question.alias]
    for alias in next(m for m in MATTERS if m is other).aliases:
        assert parse(question.text.replace(named, f"{named}{joint}{alias}")) is None
        assert parse(f"{question.text}{joint}{alias}") is None


@settings(deadline=None)
@given(questions, questions)
def test_two_questions_are_no_question(left: Question, right: Question) -> None:
    assert parse(f"{left.text} {right.text}") is None


@settings(deadline=None)
@given(st.text() | st.lists(vocabulary, max_size=20).map(" ".join))
def test_any_string_is_a_question_or_none(text: str) -> None:
    found = parse(text)
    assert found is None or words(found.text) == words(text)


@pytest.mark.parametrize("text", ["", " \n", "?", "tell me.", "could you please tell me ?"])
def test_nothing_asked_is_no_question(text: str) -> None:
    assert parse(text) is None


def test_the_tokenizer_gives_every_question_back() -> None:
    tokenizer = build_tokenizer()
    texts = [question.text for question in QUESTIONS[::3]]
    ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
    assert tokenizer.batch_decode(ids, skip_special_tokens=True) == texts
