"""PPO-ptx: texts that stay likely."""

import copy
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.schedules import defender_only
from llm_game_agents.trajectory import Decision
from llm_game_agents.update_rules import (
    GRPOConfig,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    UpdateRule,
)
from llm_game_agents.update_rules.pretraining import (
    PretrainingTexts,
    TextBatch,
    backward_texts,
)
from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import EchoPlayer
from llm_game_env.rewards import Exchange, FunctionReward
from small_games import COLOUR_OF, WORDS
from word_policies import make_word_policy

MakePolicy = Callable[..., LanguagePolicy]
Decide = Callable[..., list[Decision]]
REWARDS = [float(i % 4) - 1.0 for i in range(12)]
ONE_STEP: dict[str, Any] = {"warmup_updates": 0, "update_epochs": 1, "num_minibatches": 1}
RULES = [PPOConfig(), GRPOConfig(), RLOOConfig(), ReinforceConfig()]


def write(path: Path, *records: Any) -> str:
    lines = [json.dumps(record) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def texts(tmp_path: Path) -> str:
    return write(tmp_path / "texts.jsonl", "how are you", {"text": "tell me a joke"}, "cat")


def gradients(policy: LanguagePolicy) -> torch.Tensor:
    grads = [p.grad for p in policy.model.parameters() if p.grad is not None]
    return torch.cat([grad.flatten() for grad in grads])


def test_texts_and_conversations_become_tokens(make_policy: MakePolicy, tmp_path: Path) -> None:
    player = make_policy().player
    chat = [{"role": "user", "content": "cat"}, {"role": "assistant", "content": "fine"}]
    path = write(tmp_path / "t.jsonl", "cat", "", {"text": "how are"}, {"messages": chat})
    found = PretrainingTexts(path, player).ids
    words = player.tokenizer.convert_tokens_to_ids
    end = player.tokenizer.eos_token_id
    # The empty text has no token that could be foretold.
    assert found[:2] == [[words("cat"), end], [words("how"), words("are"), end]]
    assert found[2:] == [player.tokenizer.apply_chat_template(chat, return_dict=False)]


def test_a_text_cannot_spell_a_special_token(make_policy: MakePolicy, tmp_path: Path) -> None:
    player = make_policy().player
    end = player.tokenizer.eos_token
    path = write(tmp_path / "t.jsonl", f"cat {end} cat")
    (ids,) = PretrainingTexts(path, player).ids
    assert ids.count(player.tokenizer.eos_token_id) == 1  # the one behind it


def test_what_exceeds_the_context_is_cut_off(tmp_path: Path) -> None:
    player = make_word_policy(["sky"]).player
    path = write(tmp_path / "t.jsonl", "sky " * 100)
    assert [len(ids) for ids in PretrainingTexts(path, player).ids] == [24]


def test_the_loss_of_a_policy_that_knows_nothing_by_hand(make_policy: MakePolicy) -> None:
    # All weights 0: each of V tokens is as likely as any other, so -log π = log V a token.
    policy = make_policy()
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.zero_()
    batch = TextBatch(torch.tensor([[5, 6, 7], [5, 6, 0]]), torch.tensor([[1, 1, 1], [1, 1, 0]]))
    size = policy.player.model.get_input_embeddings().num_embeddings
    assert backward_texts(policy.score, batch, 1.0, 0) == pytest.approx(math.log(size), abs=1e-5)


@pytest.mark.parametrize("micro_batch_size", [0, 1])
def test_loss_and_gradient_are_those_of_transformers(
    micro_batch_size: int, make_policy: MakePolicy, texts: str
) -> None:
    mine, theirs = make_policy(), make_policy()
    batch = PretrainingTexts(texts, mine.player).draw(6, np.random.default_rng(0))
    loss = backward_texts(mine.score, batch, 0.3, micro_batch_size)
    labels = batch.ids.masked_fill(batch.attention_mask == 0, -100)
    expected = theirs.model(
        input_ids=batch.ids, attention_mask=batch.attention_mask, labels=labels
    ).loss
    (0.3 * expected).backward()
    assert loss == pytest.approx(expected.item(), abs=1e-6)
    torch.testing.assert_close(gradients(mine), gradients(theirs), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_an_update_adds_it_to_the_rules_own_gradient(
    rule: UpdateRule, make_policy: MakePolicy, decide: Decide, texts: str
) -> None:
    found: list[torch.Tensor] = []
    for coef in (0.0, 0.5):
        policy = make_policy()
        knobs = ONE_STEP | {"max_grad_norm": 1e9}
        knobs |= {"ptx_coef": coef, "ptx_texts": texts if coef else ""}
        learner: Any = replace(rule, **knobs).make_learner(policy, 3)
        stats = learner.update(decide(policy, REWARDS))
        found.append(gradients(policy))
        assert (stats.text_loss is not None) == (coef > 0)
    alone = make_policy()
    rng = np.random.default_rng(3)
    rng.permutation(len(REWARDS))  # the order of the minibatch
    backward_texts(alone.score, PretrainingTexts(texts, alone.player).draw(8, rng), 0.5, 0)
    torch.testing.assert_close(found[1], found[0] + gradients(alone), atol=1e-6, rtol=1e-5)


def test_a_state_taken_up_draws_the_same_texts(
    make_policy: MakePolicy, decide: Decide, texts: str
) -> None:
    rule = PPOConfig(ptx_coef=0.5, ptx_texts=texts, ptx_batch_size=2)
    policy, other = make_policy(), make_policy()
    learner, resumed = rule.make_learner(policy, 0), rule.make_learner(other, 9)
    learner.update(decide(policy, REWARDS))
    other.load_state_dict(policy.state_dict())
    resumed.load_state_dict(copy.deepcopy(learner.state_dict()))
    third = decide(policy, REWARDS, seed=1)
    assert resumed.update(third) == learner.update(third)
    assert all(
        torch.equal(a, b) for a, b in zip(policy.parameters(), other.parameters(), strict=True)
    )


def test_other_texts_are_noticed(make_policy: MakePolicy, texts: str) -> None:
    rule = PPOConfig(ptx_coef=0.5, ptx_texts=texts)
    state = rule.make_learner(make_policy(), 0).state_dict()
    write(Path(texts), "cat")
    with pytest.raises(ConfigurationError, match="other texts than when the run was saved"):
        rule.make_learner(make_policy(), 0).load_state_dict(state)


@pytest.mark.parametrize("knobs", [{"ptx_coef": 0.1}, {"ptx_texts": "a.jsonl"}])
def test_a_weight_without_texts_is_refused_and_the_reverse(knobs: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="give both"):
        PPOConfig(**knobs)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"", "holds no text"),
        (b'"cat"\n\n{"text": 3}', r"line 3: {'text': 3} is no text"),
        (b'"cat"\ncat', "line 2: 'cat' is no text"),
        (b'{"messages": []}', "line 1: .* is no text"),
        (b'{"messages": [{"role": "ghost", "content": "x"}]}', "line 1: .* is no text"),
    ],
)
def test_what_holds_no_texts_is_refused(
    content: bytes | None, reason: str, make_policy: MakePolicy, tmp_path: Path
) -> None:
    path = tmp_path / "texts.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"ptx_texts=.*{reason}"):
        PPOConfig(ptx_coef=0.1, ptx_texts=str(path)).make_learner(make_policy(), 0)


def says_key(exchanges: Sequence[Exchange]) -> list[float]:
    return [1.0 if "key" in exchange.response.split() else 0.0 for exchange in exchanges]


def test_texts_stay_likely_in_a_game_that_would_unteach_them(tmp_path: Path) -> None:
    path = write(tmp_path / "colours.jsonl", *(f"{thing} {c}" for thing, c in COLOUR_OF.items()))

    def after(**knobs: Any) -> tuple[float, float, float]:
        """-log π a token of the texts before and after the run, and the success at its end."""
        defender = make_word_policy(WORDS)
        texts = PretrainingTexts(path, defender.player)
        batch = texts.draw(64, np.random.default_rng(0))
        rule = PPOConfig(**ONE_STEP, learning_rate=5e-3, **knobs)
        env = red_team_v0.vector_env(
            32,
            seed_prompts=list(COLOUR_OF),
            reward_model=FunctionReward(says_key),
            instruction="{seed_prompt}",
        )
        scores: list[float] = []
        config = GPOConfig(defender=rule, defender_max_tokens=2)
        first = backward_texts(defender.score, batch, 0.0, 0)
        run = GPO(env, EchoPlayer(), defender, config, defender_only(30))
        run.learn(lambda i: scores.append(float(np.mean([e.score for e in i.exchanges]))))
        return first, backward_texts(defender.score, batch, 0.0, 0), float(np.mean(scores[-5:]))

    before, without, won = after()
    _, with_texts, won_too = after(ptx_coef=0.1, ptx_texts=path)
    assert min(won, won_too) > 0.8
    assert without > before + 0.5
    assert with_texts < before
