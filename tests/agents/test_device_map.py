"""Frozen models spread over memory and disk: the same numbers, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from llm_game_agents.computing import Computing
from llm_game_agents.player_folders import PlayerFolders
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.shared_base import SharedBase
from llm_game_agents.trajectory import Decision
from llm_game_agents.update_rules import PPOConfig
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import CausalLMPlayer
from llm_game_env.rewards import ClassifierReward, Exchange
from llm_game_env.seeds import Seed
from llm_game_env.spaces import Message

# The embedding itself is on disk and fetched for each pass, as is the first layer.
SPREAD = {
    "transformer.wte": "disk",
    "transformer.wpe": "cpu",
    "transformer.h.0": "disk",
    "transformer.h.1": "cpu",
    "transformer.ln_f": "cpu",
    "lm_head": "disk",
}
CHATS: list[list[Message]] = [[Message(role="user", content=text)] for text in ("cat", "a joke")]


@pytest.fixture
def folder(
    make_lm: Callable[..., Any], word_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> Path:
    CausalLMPlayer(make_lm("gpt2", len(word_tokenizer)), word_tokenizer).save(tmp_path / "gpt2")
    return tmp_path / "gpt2"


def is_on_disk(model: Any) -> bool:
    return any(parameter.device.type == "meta" for parameter in model.parameters())


def test_a_spread_reference_says_what_a_whole_one_does(
    folder: Path, decide: Callable[..., list[Decision]]
) -> None:
    stats = []
    for computing in (Computing(), Computing(device_map=SPREAD)):
        policy = LanguagePolicy.load(folder, computing=computing)
        assert is_on_disk(policy.reference) == (computing.device_map is not None)
        assert not is_on_disk(policy.model)
        learner = PPOConfig(warmup_updates=0).make_learner(policy, 0)
        stats.append([learner.update(decide(policy, [1.0, -1.0, 0.5] * 4)) for _ in range(2)])
    assert stats[0] == stats[1]
    assert stats[0][1].ref_kl != 0.0


def test_a_spread_opponent_says_what_a_whole_one_does(folder: Path) -> None:
    whole = CausalLMPlayer.load(folder)
    spread = CausalLMPlayer.load(folder, device_map=SPREAD)
    past = PlayerFolders(1.0, computing=Computing(device_map=SPREAD)).past(folder)
    assert is_on_disk(spread.model)
    assert is_on_disk(past.model)
    uniforms = np.random.default_rng(0).random((2, 6))
    assert spread.sample(CHATS, uniforms) == whole.sample(CHATS, uniforms)
    assert past.sample(CHATS, uniforms) == whole.sample(CHATS, uniforms)
    np.testing.assert_array_equal(
        spread.logprob(CHATS, ["cat", "no"]), whole.logprob(CHATS, ["cat", "no"])
    )


def test_a_spread_reward_model_scores_as_a_whole_one_does(
    save_classifier: Callable[..., str], word_tokenizer: PreTrainedTokenizerFast
) -> None:
    path = save_classifier("bert", word_tokenizer, ["unsafe", "safe"])
    spread = {"bert.embeddings": "disk", "bert.encoder": "disk", "bert.pooler": "cpu"}
    model = ClassifierReward(path, label="safe", device_map=spread | {"classifier": "cpu"})
    exchanges = [Exchange(Seed("a"), (), "tell me a joke", text) for text in ("no", "the cat")]
    assert is_on_disk(model._model)
    scores = ClassifierReward(path, label="safe").score(exchanges)
    np.testing.assert_array_equal(model.score(exchanges), scores)
    with pytest.raises(ConfigurationError, match="cannot be moved"):
        model.to("cpu")


def test_combinations_that_make_no_sense(folder: Path) -> None:
    computing = Computing(device_map="auto")
    with pytest.raises(ConfigurationError, match=r"device='cpu' and device_map='auto'"):
        CausalLMPlayer.load(folder, device="cpu", device_map="auto")
    with pytest.raises(ConfigurationError, match="must be on one device"):
        SharedBase.load(folder, computing=computing)
    with pytest.raises(ConfigurationError, match="anchor='initial'"):
        LanguagePolicy.load(folder, computing=Computing(device_map="cpu")).anchor()
    with pytest.raises(ConfigurationError, match="cannot be loaded"):
        CausalLMPlayer.load(folder, device_map={"transformer": "abacus"})


def test_the_policy_itself_stays_in_one_place(folder: Path) -> None:
    policy = LanguagePolicy.load(folder, computing=Computing(device_map=SPREAD))
    assert {parameter.device for parameter in policy.model.parameters()} == {torch.device("cpu")}
