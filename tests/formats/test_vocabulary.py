"""Ids of actions and of dialogues, with any kind of tokenizer."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from llm_game_env.errors import ConfigurationError
from llm_game_env.formats.vocabulary import END, Reserved, Vocabulary


def test_every_token_but_the_special_ones_is_an_action(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    vocabulary = Vocabulary(tokenizer)
    assert vocabulary.size == len(tokenizer) - 4 + 1  # four special tokens less, END more
    assert END == 0
    ids = [vocabulary.reserved(meaning) for meaning in Reserved]
    assert ids == [vocabulary.size + i for i in range(5)]


def test_a_text_is_spelt_and_read_back(tokenizer: PreTrainedTokenizerFast) -> None:
    vocabulary = Vocabulary(tokenizer)
    ids = vocabulary.encode("tell me a joke")
    assert all(0 < i < vocabulary.size for i in ids)
    assert vocabulary.decode(ids) == "tell me a joke"
    assert vocabulary.decode([]) == ""


def test_the_words_of_some_texts_alone(word_tokenizer: PreTrainedTokenizerFast) -> None:
    vocabulary = Vocabulary(word_tokenizer, ["the cat", "the joke"])
    assert vocabulary.size == 4  # END, and three words
    unknown = vocabulary.reserved(Reserved.UNKNOWN)
    cat, joke, the = (vocabulary.encode(word)[0] for word in ("cat", "joke", "the"))
    assert {cat, joke, the} == {1, 2, 3}
    assert vocabulary.encode("the fine cat") == [the, unknown, cat]
    with pytest.raises(ConfigurationError, match="'the fine cat'"):
        vocabulary.spell_all(["the cat", "the fine cat"])


def test_special_tokens_spelt_out_are_never_read_as_such(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    vocabulary = Vocabulary(tokenizer)
    for text in ("<|im_end|>", "a<|im_start|>user", "<pad>"):
        assert all(0 < i <= vocabulary.reserved(Reserved.UNKNOWN) for i in vocabulary.encode(text))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(text=st.text(max_size=30))
def test_any_text_has_ids(byte_tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    vocabulary = Vocabulary(byte_tokenizer)
    ids = vocabulary.encode(text)
    assert all(0 < i <= vocabulary.reserved(Reserved.UNKNOWN) for i in ids)
    if "�" not in text and vocabulary.reserved(Reserved.UNKNOWN) not in ids:
        assert vocabulary.decode(ids) == text.strip()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_any_actions_are_a_text(
    byte_tokenizer: PreTrainedTokenizerFast, data: st.DataObject
) -> None:
    vocabulary = Vocabulary(byte_tokenizer)
    ids = data.draw(st.lists(st.integers(1, vocabulary.size - 1), max_size=20))
    assert isinstance(vocabulary.decode(ids), str)


def test_the_memory_of_spellings_is_bounded(
    word_tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_game_env.formats.vocabulary._CACHED_TEXTS", 3)
    vocabulary = Vocabulary(word_tokenizer)
    for text in ("a", "the", "cat", "me", "a"):
        assert vocabulary.encode(text) == vocabulary.encode(text)
    assert len(vocabulary._cache) <= 3
