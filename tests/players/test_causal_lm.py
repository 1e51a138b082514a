"""Causal language models as players: what they read, write and find probable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from llm_game_env.errors import ConfigurationError
from llm_game_env.players import CausalLMPlayer, Player
from llm_game_env.spaces import Message

MakeLM = Callable[..., Any]
END = 3
CHATS = [
    [Message(role="user", content="tell me a joke")],
    [
        Message(role="system", content="you are fine"),
        Message(role="user", content="how are you"),
        Message(role="assistant", content="fine"),
        Message(role="user", content="no"),
    ],
    [Message(role="user", content="cat")],
]
SAID = ["a joke about the cat", "", "yes yes"]


@pytest.fixture(params=["gpt2", "llama", "qwen2"])
def player(
    request: pytest.FixtureRequest, word_tokenizer: PreTrainedTokenizerFast, make_lm: MakeLM
) -> CausalLMPlayer:
    return CausalLMPlayer(make_lm(request.param, len(word_tokenizer)), word_tokenizer)


def ids_of(player: CausalLMPlayer, text: str) -> list[int]:
    return player.tokenizer.convert_tokens_to_ids(text.split())


def logprob_by_hand(player: CausalLMPlayer, prompt: list[int], answer: list[int]) -> float:
    """Σ log softmax of one unpadded row, in float64."""
    with torch.inference_mode():
        logits = player.model(input_ids=torch.tensor([prompt + answer])).logits[0].double()
    steps = log_softmax(logits.numpy() / (player.temperature or 1.0), axis=-1)
    return sum(steps[len(prompt) + i - 1, token] for i, token in enumerate(answer))


@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.0])
def test_logprob_by_teacher_forcing(player: CausalLMPlayer, temperature: float) -> None:
    player.temperature = temperature
    prompt = ids_of(player, "<|im_start|> user tell me a joke <|im_end|> <|im_start|> assistant")
    logprobs = player.logprob(CHATS, SAID)
    assert logprobs.dtype == np.float64
    expected = logprob_by_hand(player, prompt, [*ids_of(player, SAID[0]), END])
    assert logprobs[0] == pytest.approx(expected, abs=1e-4)
    for i, prompt in enumerate(player.encode(CHATS)):
        expected = logprob_by_hand(player, prompt, [*ids_of(player, SAID[i]), END])
        assert logprobs[i] == pytest.approx(expected, abs=1e-4)
    for size in (1, 2):
        np.testing.assert_allclose(
            player.logprob(CHATS[::-1], SAID[::-1], batch_size=size), logprobs[::-1], atol=1e-4
        )


def test_logprob_of_what_was_sampled(player: CausalLMPlayer) -> None:
    uniforms = np.random.default_rng(2).random((30, 10))
    completions = player.sample(CHATS * 10, uniforms)
    seen = 0
    for chat, completion in zip(CHATS * 10, completions, strict=True):
        if completion.stop == "eos" and set(completion.ids[:-1]).isdisjoint({0, 1, 2}):
            total = player.logprob([chat], [completion.text])[0]
            assert total == pytest.approx(sum(completion.logprobs), abs=1e-4)
            seen += 1
    assert seen > 3


def test_a_completion_holds_what_training_needs(player: CausalLMPlayer) -> None:
    uniforms = np.random.default_rng(0).random((30, 6))
    completions = player.sample(CHATS * 10, uniforms)
    assert {c.stop for c in completions} == {"eos", "length"}
    for completion, prompt in zip(completions, player.encode(CHATS) * 10, strict=True):
        assert completion.prompt_ids == prompt
        assert (completion.ids[-1] == END) == (completion.stop == "eos")
        assert len(completion.logprobs) == len(completion.ids) <= 6
        expected = logprob_by_hand(player, prompt, completion.ids)
        assert sum(completion.logprobs) == pytest.approx(expected, abs=1e-4)
        words = player.tokenizer.convert_ids_to_tokens(completion.ids)
        special = {"<pad>", "<unk>", "<|im_start|>", "<|im_end|>"}
        assert completion.text.split() == [word for word in words if word not in special]


def test_reply_is_its_text_and_draws_from_the_generator_alone(player: CausalLMPlayer) -> None:
    assert isinstance(player, Player)
    state = torch.get_rng_state(), str(np.random.get_state())
    replies = player.reply(CHATS, np.random.default_rng(7), max_tokens=5)
    uniforms = np.random.default_rng(7).random((3, 5))
    assert replies == [completion.text for completion in player.sample(CHATS, uniforms)]
    assert replies != player.reply(CHATS, np.random.default_rng(8), max_tokens=5)
    assert player.reply([], np.random.default_rng(7), max_tokens=5) == []
    assert torch.equal(torch.get_rng_state(), state[0])
    assert str(np.random.get_state()) == state[1]


def test_dropout_is_off(word_tokenizer: PreTrainedTokenizerFast, make_lm: MakeLM) -> None:
    model = make_lm("gpt2", len(word_tokenizer), resid_pdrop=0.5).train()
    player = CausalLMPlayer(model, word_tokenizer)
    np.testing.assert_array_equal(player.logprob(CHATS, SAID), player.logprob(CHATS, SAID))


def test_of_a_conversation_that_is_too_long_the_end_is_read(
    word_tokenizer: PreTrainedTokenizerFast, make_lm: MakeLM
) -> None:
    model = make_lm("gpt2", len(word_tokenizer), max_position_embeddings=16)
    player = CausalLMPlayer(model, word_tokenizer, temperature=0.0)
    assert player.context == 16
    long = [Message(role="user", content="tell me a joke about the cat " * 9)]
    completion = player.sample([long], np.zeros((1, 6)))[0]
    assert completion.prompt_ids == player.encode([long])[0][-10:]
    assert len(completion.prompt_ids) + len(completion.ids) <= 16
    # More tokens wanted than there are positions: one token of the prompt is left.
    completion = player.sample([long], np.zeros((1, 40)))[0]
    assert len(completion.prompt_ids) == 1
    assert completion.stop in ("context", "eos")


def test_logprob_of_a_conversation_that_is_too_long(
    word_tokenizer: PreTrainedTokenizerFast, make_lm: MakeLM
) -> None:
    model = make_lm("gpt2", len(word_tokenizer), max_position_embeddings=16)
    player = CausalLMPlayer(model, word_tokenizer)
    long = [Message(role="user", content="tell me a joke about the cat " * 9)]
    answer = [*ids_of(player, "yes no"), END]
    kept = player.encode([long])[0][-13:]
    expected = logprob_by_hand(player, kept, answer)
    assert player.logprob([long], ["yes no"])[0] == pytest.approx(expected, abs=1e-4)


def test_every_configured_end_token_ends_a_message(
    word_tokenizer: PreTrainedTokenizerFast, make_lm: MakeLM
) -> None:
    model = make_lm("gpt2", len(word_tokenizer))
    model.generation_config.eos_token_id = [7, 8]
    player = CausalLMPlayer(model, word_tokenizer)
    assert player.eos_ids == {END, 7, 8}
    completions = player.sample(CHATS * 20, np.random.default_rng(0).random((60, 10)))
    assert {c.ids[-1] for c in completions if c.stop == "eos"} == {END, 7, 8}
    assert not any({END, 7, 8} & set(c.ids[:-1]) for c in completions)


def test_no_padding_token_is_needed(
    word_tokenizer: PreTrainedTokenizerFast, make_lm: MakeLM
) -> None:
    model = make_lm("gpt2", len(word_tokenizer))
    with_pad = CausalLMPlayer(model, word_tokenizer).logprob(CHATS, SAID)
    word_tokenizer.pad_token = None
    player = CausalLMPlayer(model, word_tokenizer)
    assert player.pad_id == END
    np.testing.assert_allclose(player.logprob(CHATS, SAID), with_pad, atol=1e-5)


def test_no_end_token_is_refused(word_tokenizer: PreTrainedTokenizerFast, make_lm: MakeLM) -> None:
    word_tokenizer.eos_token = None
    with pytest.raises(ConfigurationError, match="end-of-sequence"):
        CausalLMPlayer(make_lm("gpt2", len(word_tokenizer), eos_token_id=None), word_tokenizer)


@pytest.mark.parametrize("temperature", [-0.1, float("nan"), float("inf")])
def test_impossible_temperature_is_refused(
    temperature: float, word_tokenizer: PreTrainedTokenizerFast, make_lm: MakeLM
) -> None:
    with pytest.raises(ConfigurationError, match="temperature="):
        CausalLMPlayer(make_lm("gpt2", 26), word_tokenizer, temperature=temperature)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen2"])
def test_load_gives_the_same_model(
    kind: str, tmp_path: Path, byte_tokenizer: PreTrainedTokenizerFast, make_lm: MakeLM
) -> None:
    model = make_lm(kind, len(byte_tokenizer))
    model.save_pretrained(tmp_path)
    byte_tokenizer.save_pretrained(tmp_path)
    loaded = CausalLMPlayer.load(tmp_path, temperature=0.5)
    own = CausalLMPlayer(model, byte_tokenizer, temperature=0.5)
    assert loaded.temperature == 0.5
    assert loaded.encode(CHATS) == own.encode(CHATS)
    np.testing.assert_allclose(loaded.logprob(CHATS, SAID), own.logprob(CHATS, SAID), atol=1e-4)
    # What transformers itself makes of the folder, greedily.
    plain: Any = AutoModelForCausalLM.from_pretrained(tmp_path)
    prompt = torch.tensor([own.encode(CHATS)[1]])
    generated = plain.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=8, do_sample=False
    )
    loaded.temperature = 0.0
    assert loaded.sample(CHATS, np.zeros((3, 8)))[1].ids == generated[0, prompt.shape[1] :].tolist()


def test_folders_that_hold_no_language_model_are_refused(
    tmp_path: Path, word_tokenizer: PreTrainedTokenizerFast, save_classifier: Callable[..., str]
) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere.*cannot be loaded"):
        CausalLMPlayer.load(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="no weights for"):
        CausalLMPlayer.load(save_classifier("llama", word_tokenizer, ["reward"]))
    damaged = Path(save_classifier("gpt2", word_tokenizer, ["reward"]))
    (damaged / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ConfigurationError, match="cannot be loaded"):
        CausalLMPlayer.load(damaged)


def test_a_padding_token_without_an_embedding_is_not_used(
    word_tokenizer: PreTrainedTokenizerFast, make_lm: MakeLM
) -> None:
    model = make_lm("gpt2", len(word_tokenizer))
    word_tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    player = CausalLMPlayer(model, word_tokenizer)
    assert player.pad_id < model.get_input_embeddings().num_embeddings
    chats = [
        [Message(role="user", content="cat")],
        [Message(role="user", content="tell me a joke")],
    ]
    assert len(player.reply(chats, np.random.default_rng(0), max_tokens=3)) == 2


def test_the_tokenizer_of_another_model_is_refused(
    word_tokenizer: PreTrainedTokenizerFast, make_lm: MakeLM
) -> None:
    with pytest.raises(ConfigurationError, match="a model with 4 tokens"):
        CausalLMPlayer(make_lm("gpt2", 4), word_tokenizer)
