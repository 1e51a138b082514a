"""Precision, gradient checkpointing and compilation: what they change, and what they must not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from transformers import AutoModelForCausalLM, OPTConfig, PreTrainedTokenizerFast
from transformers.activations import NewGELUActivation

from llm_game_agents.computing import Computing
from llm_game_agents.opponents import snapshot
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.shared_base import SharedBase
from llm_game_agents.trajectory import Decision
from llm_game_agents.update_rules import (
    GRPOConfig,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    UpdateRule,
)
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import CausalLMPlayer

KINDS = ("gpt2", "llama", "qwen2", "gemma2")
RULES = (PPOConfig(), GRPOConfig(group_size=2), RLOOConfig(group_size=2), ReinforceConfig())
REWARDS = [float(i % 4) - 1.0 for i in range(12)]
HALF = Computing(precision="bf16")
RECOMPUTED = Computing(gradient_checkpointing=True)

Decide = Callable[..., list[Decision]]
MakeModel = Callable[..., Any]
Batch = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture
def make(make_lm: MakeModel, word_tokenizer: PreTrainedTokenizerFast) -> Any:
    """`make(kind, computing, lora=False)`: a policy of the same random weights at every call."""

    def policy(kind: str, computing: Computing, *, lora: bool = False, **options: Any) -> Any:
        model = make_lm(kind, len(word_tokenizer), attn_implementation="eager", **options)
        player = CausalLMPlayer(model, word_tokenizer)
        if lora:
            return SharedBase(player, rank=4, computing=computing).policy(seed=1)
        return LanguagePolicy(player, computing=computing)

    return policy


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(4, 20, (6, 24), generator=generator)
    return ids, torch.ones_like(ids)


def with_groups(decisions: list[Decision]) -> list[Decision]:
    return [replace(decision, group=i // 2) for i, decision in enumerate(decisions)]


def backward(policy: LanguagePolicy, batch: Batch) -> torch.Tensor:
    """The gradient of all that an update looks at, flat."""
    policy.zero_grad()
    scores = policy.score(*batch, 8)
    (scores.logprobs.sum() + scores.entropy.sum() + scores.values.square().sum()).backward()
    grads = [p.grad for p in policy.parameters() if p.grad is not None]
    return torch.cat([grad.flatten() for grad in grads])


def saved_bytes(policy: LanguagePolicy, batch: Batch) -> int:
    """What a forward pass keeps for the gradient besides the parameters."""
    own = {p.untyped_storage().data_ptr() for p in policy.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        scores = policy.score(*batch, 20)
    total = sum(kept.values())
    assert scores.logprobs.requires_grad
    return total


# Precision


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_the_error_of_half_precision_is_the_stated_one(
    kind: str, make_lm: MakeModel, word_tokenizer: PreTrainedTokenizerFast
) -> None:
    shape = {"n_layer": 4, "n_embd": 256, "n_head": 4}
    if kind == "llama":
        shape = {"num_hidden_layers": 4, "hidden_size": 256, "intermediate_size": 688}
        shape |= {"num_attention_heads": 4, "num_key_value_heads": 4}
    ids = torch.randint(4, 1000, (16, 64), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    plain, half = (
        LanguagePolicy(
            CausalLMPlayer(make_lm(kind, 1000, initializer_range=0.02, **shape), word_tokenizer),
            computing=computing,
        )
        for computing in (Computing(), HALF)
    )
    with torch.no_grad():
        exact = plain.score(ids, mask).logprobs
        error = (half.score(ids, mask).logprobs - exact).abs().max()
        frozen_error = (half.reference_logprobs(ids, mask) - exact).abs().max()
    assert 1e-4 < error < 0.0101
    assert 1e-4 < frozen_error < 0.0101


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_the_first_ratio_is_one_in_half_precision_too(
    rule: UpdateRule, kind: str, make: Any, decide: Decide
) -> None:
    rule = replace(rule, num_minibatches=2, micro_batch_size=4, warmup_updates=0)
    errors = []
    for computing in (HALF, Computing()):
        policy = make(kind, computing)
        # As if the sampler were a coarser one.
        decisions = [
            replace(
                one,
                completion=replace(
                    one.completion, logprobs=[x + 0.01 for x in one.completion.logprobs]
                ),
            )
            for one in with_groups(decide(policy, REWARDS))
        ]
        stats = rule.make_learner(policy, 0).update(decisions)
        assert stats.minibatches > 0
        errors.append(stats.first_ratio_error)
    assert errors[0] <= 1e-5
    assert errors[1] > 5e-3


def test_what_learns_is_float32_and_what_is_frozen_bfloat16(make: Any, decide: Decide) -> None:
    for lora in (False, True):
        policy = make("llama", HALF, lora=lora)
        learnt = policy.learnt_weights()
        before = [p.detach().clone() for p in learnt]
        learner = PPOConfig(learning_rate=1e-6, warmup_updates=0).make_learner(policy, 0)
        learner.update(decide(policy, REWARDS))
        assert {p.dtype for p in [*learnt, policy.value_head.weight]} == {torch.float32}
        # A step far below the resolution of bfloat16 counts.
        assert any(not torch.equal(a, b) for a, b in zip(learnt, before, strict=True))
        past: Any = snapshot(policy).model
        policy.anchor()
        for frozen in (past, policy.reference):
            assert {p.dtype for p in frozen.parameters()} == {torch.bfloat16}
            assert {b.dtype for b in frozen.buffers() if b.is_floating_point()} <= {torch.float32}


def test_an_adapter_begins_as_its_reference_to_the_bit(make: Any, batch: Batch) -> None:
    policy = make("llama", HALF, lora=True)
    with torch.no_grad():
        spoken = policy.score(*batch).logprobs
        assert torch.equal(policy.reference_logprobs(*batch), spoken)
        assert spoken.dtype == torch.float32


def test_a_saved_policy_comes_back_in_its_precision(
    make: Any, decide: Decide, batch: Batch, tmp_path: Path
) -> None:
    policy = make("llama", HALF)
    PPOConfig(warmup_updates=0).make_learner(policy, 0).update(decide(policy, REWARDS))
    policy.save(tmp_path / "policy")
    policy.save_reference(tmp_path / "reference")
    again = LanguagePolicy.load(
        tmp_path / "policy", reference=tmp_path / "reference", computing=HALF
    )
    with torch.no_grad():
        assert torch.equal(again.score(*batch).logprobs, policy.score(*batch).logprobs)
        assert torch.equal(again.reference_logprobs(*batch), policy.reference_logprobs(*batch))


# Gradient checkpointing


@pytest.mark.parametrize("lora", [False, True], ids=["whole", "adapter"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_without(kind: str, lora: bool, make: Any, batch: Batch) -> None:
    options = {"embd_pdrop": 0.5, "resid_pdrop": 0.5, "attn_pdrop": 0.5} if kind == "gpt2" else {}
    plain, recomputed = (
        make(kind, computing, lora=lora, **options) for computing in (Computing(), RECOMPUTED)
    )
    expected = backward(plain, batch)
    given = backward(recomputed, batch)
    assert expected.norm() > 0.1
    assert float((given - expected).norm() / expected.norm()) <= 1e-6
    assert not any(module.training for module in recomputed.model.modules())


@pytest.mark.parametrize("lora", [False, True], ids=["whole", "adapter"])
@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_less_is_kept_for_the_gradient(kind: str, lora: bool, make: Any, batch: Batch) -> None:
    deep = {"n_layer": 8} if kind == "gpt2" else {"num_hidden_layers": 8}
    plain, recomputed = (
        make(kind, computing, lora=lora, **deep) for computing in (Computing(), RECOMPUTED)
    )
    assert saved_bytes(recomputed, batch) < 0.35 * saved_bytes(plain, batch)


def test_layers_that_drop_out_by_themselves_do_not(
    word_tokenizer: PreTrainedTokenizerFast, batch: Batch
) -> None:
    # OPT's layers, unlike their parts, ask for their own mode.
    config = OPTConfig(
        vocab_size=len(word_tokenizer),
        hidden_size=16,
        word_embed_proj_dim=16,
        ffn_dim=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        dropout=0.5,
        eos_token_id=3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: Any = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    player = CausalLMPlayer(model, word_tokenizer)
    expected = backward(LanguagePolicy(player), batch)
    given = backward(LanguagePolicy(player, computing=RECOMPUTED), batch)
    assert float((given - expected).norm() / expected.norm()) <= 1e-6


def test_sampling_keeps_its_cache(make: Any, decide: Decide) -> None:
    ids = [
        [decision.completion.ids for decision in decide(make("gpt2", computing), [0.0] * 9)]
        for computing in (Computing(), RECOMPUTED)
    ]
    assert ids[0] == ids[1]


def test_layers_that_cannot_are_refused(
    make_lm: MakeModel, word_tokenizer: PreTrainedTokenizerFast
) -> None:
    model = make_lm("gpt2", len(word_tokenizer))
    model.transformer.h = nn.ModuleList()
    with pytest.raises(ConfigurationError, match="cannot be had of a GPT2LMHeadModel"):
        LanguagePolicy(CausalLMPlayer(model, word_tokenizer), computing=RECOMPUTED)


# Fused and coarse


def test_a_fused_activation_is_that_of_all_three_models_and_moves_nothing(
    make_lm: MakeModel, word_tokenizer: PreTrainedTokenizerFast, batch: Batch
) -> None:
    plain, fused = (
        LanguagePolicy(
            CausalLMPlayer(make_lm("gpt2", len(word_tokenizer)), word_tokenizer),
            critic="model",
            computing=computing,
        )
        for computing in (Computing(), Computing(fused_activation=True))
    )
    assert not any(isinstance(part, NewGELUActivation) for part in fused.modules())
    for exact, close in zip(plain.score(*batch), fused.score(*batch), strict=True):
        torch.testing.assert_close(close, exact, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        fused.reference_logprobs(*batch), plain.reference_logprobs(*batch), atol=1e-5, rtol=0
    )


def test_coarse_gradients_are_off_by_what_is_stated_and_forward_passes_by_nothing(
    make: Any, decide: Decide
) -> None:
    # The first step of Adam would hide a gradient's size: what is compared is the gradient itself.
    rule = PPOConfig(num_minibatches=1, update_epochs=1)
    grads, stats = [], []
    for computing in (Computing(), Computing(coarse_gradients=True)):
        policy = make("gpt2", computing)
        stats.append(rule.make_learner(policy, 0).update(decide(policy, REWARDS)))
        grads.append(torch.cat([p.grad.flatten() for p in policy.learnt_weights()]))
    assert (grads[1] - grads[0]).norm() <= 0.005 * grads[0].norm()
    assert stats[1].policy_loss == stats[0].policy_loss
    assert stats[1].first_ratio_error == stats[0].first_ratio_error
    assert torch.get_float32_matmul_precision() == "highest"


def test_the_setting_of_the_process_comes_back_after_a_failure() -> None:
    def fail() -> None:
        with Computing(coarse_gradients=True).backward_products():
            raise KeyError(torch.get_float32_matmul_precision())

    with pytest.raises(KeyError, match="medium"):
        fail()
    assert torch.get_float32_matmul_precision() == "highest"


# Compilation and choices


@pytest.mark.slow
# Torch's own compiler uses what torch is about to drop.
@pytest.mark.filterwarnings("ignore:`torch.jit.:DeprecationWarning")
def test_a_compiled_update_is_the_plain_one(make: Any, decide: Decide) -> None:
    ends, stats = [], []
    rule = PPOConfig(num_minibatches=1, update_epochs=1, warmup_updates=0, adam_eps=1e-2)
    for computing in (Computing(), Computing(compile=True)):
        policy = make("llama", computing)
        decisions = decide(policy, REWARDS)
        stats.append(rule.make_learner(policy, 0).update(decisions))
        ends.append(torch.cat([p.detach().flatten() for p in policy.parameters()]))
    torch.testing.assert_close(ends[1], ends[0], atol=1e-5, rtol=0)
    assert stats[1].policy_loss == pytest.approx(stats[0].policy_loss, abs=1e-5)
    assert stats[1].first_ratio_error <= 1e-5


@pytest.mark.parametrize(
    ("knobs", "problem"),
    [
        ({"precision": "fp16"}, "precision='fp16'"),
        ({"compile": True, "gradient_checkpointing": True}, "leave gradient_checkpointing=True"),
    ],
)
def test_choices_that_there_are_not(knobs: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Computing(**knobs)
