"""The mask that leads to some texts and to nothing else."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from llm_game_env.formats.legal_texts import LegalTexts
from llm_game_env.formats.vocabulary import END, Vocabulary

WORDS = ["the", "cat", "joke", "me", "tell", "fine"]


def test_masks_by_hand(word_tokenizer: PreTrainedTokenizerFast) -> None:
    vocabulary = Vocabulary(word_tokenizer)
    legal = LegalTexts(["tell me", "tell me a joke", "the cat"], vocabulary)
    tell, me, a, joke, the = vocabulary.encode("tell me a joke the")

    def allowed(*draft: int) -> list[int]:
        mask = legal.mask(draft)
        assert mask.dtype == np.int8
        return np.flatnonzero(mask).tolist()

    assert allowed() == sorted([tell, the])
    assert allowed(tell) == [me]
    assert allowed(tell, me) == sorted([END, a])
    assert allowed(tell, me, a, joke) == [END]
    assert allowed(joke) == [END]  # no legal text begins so
    assert allowed(tell, me, a, joke, joke, joke) == [END]


def test_the_masks_handed_out_are_the_callers_own(word_tokenizer: PreTrainedTokenizerFast) -> None:
    legal = LegalTexts(["cat"], Vocabulary(word_tokenizer))
    legal.mask([])[:] = 0
    assert legal.mask([]).sum() == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(
    texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=4), min_size=1, max_size=12),
)
def test_walks_along_the_mask_write_exactly_the_texts(
    word_tokenizer: PreTrainedTokenizerFast, texts: list[list[str]]
) -> None:
    vocabulary = Vocabulary(word_tokenizer)
    wanted = {" ".join(text) for text in texts}
    legal = LegalTexts(sorted(wanted), vocabulary)
    written: set[str] = set()
    drafts: list[list[int]] = [[]]
    while drafts:
        draft = drafts.pop()
        for token in np.flatnonzero(legal.mask(draft)).tolist():
            if token == END:
                written.add(vocabulary.decode(draft))
            else:
                drafts.append([*draft, token])
    assert written == wanted


@pytest.mark.parametrize("texts", ["the cat", []])
def test_no_texts_are_refused(word_tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> None:
    with pytest.raises(ValueError, match="give a list of texts"):
        LegalTexts(texts, Vocabulary(word_tokenizer))
