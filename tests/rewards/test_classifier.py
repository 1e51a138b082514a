"""Sequence classifiers as reward models, on tiny ones with random weights."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards import ClassifierReward, Exchange, RewardModel
from llm_game_env.seeds import Seed
from llm_game_env.spaces import Message

SaveClassifier = Callable[..., str]
KINDS = ("gpt2", "bert", "llama")
HISTORY = (Message(role="user", content="tell me"), Message(role="assistant", content="yes"))


def exchange(prompt: str, response: str, history: tuple[Message, ...] = ()) -> Exchange:
    return Exchange(Seed("seed"), history, prompt, response)


EXCHANGES = [
    exchange("tell me a joke", "no"),
    exchange("how are you", "fine " * 9),
    exchange("a", ""),
    exchange("the cat", "a joke about the cat", HISTORY),
    exchange("how", "you are the cat"),
]


def by_hand(path: str, tokens: list[int]) -> torch.Tensor:
    """The logits of one unpadded row, by plain transformers."""
    model = AutoModelForSequenceClassification.from_pretrained(path)
    with torch.inference_mode():
        return model(input_ids=torch.tensor([tokens])).logits[0]


def word_ids(path: str, text: str) -> list[int]:
    return AutoTokenizer.from_pretrained(path).convert_tokens_to_ids(text.split())


@pytest.mark.parametrize("kind", KINDS)
def test_scores_depend_neither_on_batch_size_nor_on_order(
    kind: str, word_tokenizer: PreTrainedTokenizerFast, save_classifier: SaveClassifier
) -> None:
    path = save_classifier(kind, word_tokenizer, ["bad", "good"])
    scores = ClassifierReward(path, label="good").score(EXCHANGES)
    assert scores.shape == (5,)
    assert scores.dtype == np.float32
    assert np.ptp(scores) > 1e-3  # else nothing below could fail
    for batch_size in (1, 2, 5):
        model = ClassifierReward(path, label="good", batch_size=batch_size)
        np.testing.assert_allclose(model.score(EXCHANGES), scores, atol=1e-5)
        np.testing.assert_allclose(model.score(EXCHANGES[::-1]), scores[::-1], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_exchange_keeps_its_score_in_every_place(
    kind: str, word_tokenizer: PreTrainedTokenizerFast, save_classifier: SaveClassifier
) -> None:
    model = ClassifierReward(save_classifier(kind, word_tokenizer, ["bad", "good"]), label="bad")
    others, planted = EXCHANGES[:4], EXCHANGES[4]
    alone, expected = model.score([planted])[0], model.score(others)
    for place in range(5):
        scores = model.score([*others[:place], planted, *others[place:]])
        assert scores[place] == pytest.approx(alone, abs=1e-5)
        np.testing.assert_allclose(np.delete(scores, place), expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_scalar_head_gives_the_logit(
    kind: str, word_tokenizer: PreTrainedTokenizerFast, save_classifier: SaveClassifier
) -> None:
    path = save_classifier(kind, word_tokenizer, ["reward"])
    said = (
        "<|im_start|> user tell me <|im_end|> <|im_start|> assistant yes <|im_end|> "
        "<|im_start|> user the cat <|im_end|> "
        "<|im_start|> assistant a joke about the cat <|im_end|>"
    )
    logit = by_hand(path, word_ids(path, said))[0]
    scores = ClassifierReward(path, best=5.0).score(EXCHANGES)
    assert scores[3] == pytest.approx(float(logit), abs=1e-5)
    assert ClassifierReward(path, best=5.0).best == 5.0


def test_label_is_found_by_name(
    word_tokenizer: PreTrainedTokenizerFast, save_classifier: SaveClassifier
) -> None:
    labels = ["safe", "rude", "illegal"]
    path = save_classifier("bert", word_tokenizer, labels)
    said = "<|im_start|> user how <|im_end|> <|im_start|> assistant you are the cat <|im_end|>"
    expected = by_hand(path, word_ids(path, said)).exp()
    expected /= expected.sum()
    for i, label in enumerate(labels):
        model = ClassifierReward(path, label=label)
        assert isinstance(model, RewardModel)
        assert model.best == 1.0
        assert model.score(EXCHANGES)[4] == pytest.approx(float(expected[i]), abs=1e-5)


def test_labels_without_names_go_by_their_numbers(
    word_tokenizer: PreTrainedTokenizerFast, save_classifier: SaveClassifier
) -> None:
    path = Path(save_classifier("bert", word_tokenizer, ["bad", "good"]))
    expected = ClassifierReward(path, label="good").score(EXCHANGES)
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    del config["id2label"], config["label2id"]
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    scores = ClassifierReward(path, label="LABEL_1").score(EXCHANGES)
    np.testing.assert_array_equal(scores, expected)
    for label in (None, "good", "1"):
        with pytest.raises(ConfigurationError, match=r"labels \['LABEL_0', 'LABEL_1'\], got"):
            ClassifierReward(path, label=label)


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        (["bad", "good"], None),
        (["bad", "good"], "fine"),
        (["bad", "good"], "1"),
        (["reward"], "good"),
        (["reward"], "reward"),  # P(reward) would be 1 for every exchange
    ],
)
def test_a_label_that_says_nothing_is_refused(
    labels: list[str],
    label: str | None,
    word_tokenizer: PreTrainedTokenizerFast,
    save_classifier: SaveClassifier,
) -> None:
    path = save_classifier("bert", word_tokenizer, labels)
    with pytest.raises(ConfigurationError, match=rf"labels \['{labels[0]}'.*label={label!r}"):
        ClassifierReward(path, label=label)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere.*cannot be loaded"):
        ClassifierReward(tmp_path / "nowhere")


def test_damaged_weights_are_refused(
    word_tokenizer: PreTrainedTokenizerFast, save_classifier: SaveClassifier
) -> None:
    path = save_classifier("bert", word_tokenizer, ["reward"])
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    Path(path, "model.safetensors").write_text(pointer, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="cannot be loaded"):
        ClassifierReward(path)


def test_a_language_model_is_refused(
    tmp_path: Path, word_tokenizer: PreTrainedTokenizerFast, make_lm: Callable[..., torch.nn.Module]
) -> None:
    make_lm("gpt2", len(word_tokenizer)).save_pretrained(tmp_path)  # pyright: ignore[reportCallIssue]
    word_tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ConfigurationError, match=r"no weights for \['score.weight'\]"):
        ClassifierReward(tmp_path, label="LABEL_1")


def test_neither_padding_nor_end_token_is_refused(
    word_tokenizer: PreTrainedTokenizerFast, save_classifier: SaveClassifier
) -> None:
    word_tokenizer.pad_token = word_tokenizer.eos_token = None
    path = save_classifier("gpt2", word_tokenizer, ["reward"], pad_token_id=None, eos_token_id=None)
    with pytest.raises(ConfigurationError, match="padding"):
        ClassifierReward(path)


def test_end_token_pads_where_there_is_no_padding_token(
    word_tokenizer: PreTrainedTokenizerFast, save_classifier: SaveClassifier
) -> None:
    word_tokenizer.pad_token = None
    model = ClassifierReward(
        save_classifier("gpt2", word_tokenizer, ["r"], pad_token_id=None), best=1.0
    )
    alone = [model.score([one])[0] for one in EXCHANGES]
    np.testing.assert_allclose(model.score(EXCHANGES), alone, atol=1e-5)
    assert np.ptp(alone) > 1e-3


def test_the_end_of_a_long_dialogue_is_kept(
    word_tokenizer: PreTrainedTokenizerFast, save_classifier: SaveClassifier
) -> None:
    path = save_classifier("llama", word_tokenizer, ["reward"])
    model = ClassifierReward(path, best=1.0, max_length=4)
    kept = by_hand(path, word_ids(path, "assistant a joke <|im_end|>"))[0]
    assert model.score([exchange("how", "a joke")])[0] == pytest.approx(float(kept), abs=1e-5)
    assert model.score([exchange("me", "a joke")])[0] == pytest.approx(float(kept), abs=1e-5)


@pytest.mark.parametrize(("kind", "positions"), [("gpt2", 32), ("bert", 32), ("roberta", 34)])
def test_a_dialogue_longer_than_the_model_is_cut(
    kind: str,
    positions: int,
    word_tokenizer: PreTrainedTokenizerFast,
    save_classifier: SaveClassifier,
) -> None:
    word_tokenizer.model_max_length = 32  # RoBERTa counts two positions more than it can use.
    path = save_classifier(
        kind, word_tokenizer, ["reward"], max_position_embeddings=positions, pad_token_id=1
    )
    scores = ClassifierReward(path, best=1.0).score(
        [exchange("cat", "tell me " * n) for n in (1, 30, 50)]
    )
    assert np.isfinite(scores).all()
    assert scores[1] == pytest.approx(scores[2], abs=1e-5)


def test_no_exchanges_and_moving(
    word_tokenizer: PreTrainedTokenizerFast, save_classifier: SaveClassifier
) -> None:
    model = ClassifierReward(save_classifier("bert", word_tokenizer, ["reward"]), best=1.0)
    assert model.score([]).shape == (0,)
    assert model.to("cpu") is model
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(copy.score(EXCHANGES), model.score(EXCHANGES), atol=1e-6)


def test_a_scalar_head_needs_its_best(
    save_classifier: SaveClassifier, word_tokenizer: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(ConfigurationError, match=r"scalar head.*best="):
        ClassifierReward(save_classifier("gpt2", word_tokenizer, ["reward"]))


def test_it_is_pickled_by_its_path(
    save_classifier: SaveClassifier, word_tokenizer: PreTrainedTokenizerFast
) -> None:
    model = ClassifierReward(save_classifier("gpt2", word_tokenizer, ["bad", "good"]), label="good")
    pickled = pickle.dumps(model)
    assert len(pickled) < 1000
    np.testing.assert_array_equal(pickle.loads(pickled).score(EXCHANGES), model.score(EXCHANGES))
