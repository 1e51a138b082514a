"""Language policies: probabilities and values against plain forward passes, saving, reference."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from scipy.stats import entropy as entropy_in_nats
from transformers import AutoModelForCausalLM, GPT2LMHeadModel, PreTrainedTokenizerFast

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.policy_folder import VALUE_HEAD_FILE
from llm_game_agents.trajectory import Decision, pack
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import CausalLMPlayer, Player
from llm_game_env.spaces import Message

MakePolicy = Callable[..., LanguagePolicy]
Decide = Callable[..., list[Decision]]
KINDS = ("gpt2", "llama", "qwen2", "gemma2")
LENGTHS = (9, 4, 7)


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Random ids of three lengths, right-padded, and their mask."""
    rng = np.random.default_rng(0)
    ids = torch.zeros((3, 9), dtype=torch.long)
    mask = torch.zeros((3, 9), dtype=torch.long)
    for row, length in enumerate(LENGTHS):
        ids[row, :length] = torch.from_numpy(rng.integers(4, 20, length))
        mask[row, :length] = 1
    return ids, mask


def give_value_head(policy: LanguagePolicy) -> None:
    """Weights other than zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        policy.value_head.weight.copy_(torch.randn(1, 16, generator=generator))
        policy.value_head.bias.fill_(0.25)


def shift_weights(policy: LanguagePolicy) -> None:
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("kind", KINDS)
def test_scores_of_a_plain_forward_pass(
    kind: str,
    temperature: float,
    make_policy: MakePolicy,
    batch: tuple[torch.Tensor, torch.Tensor],
) -> None:
    policy = make_policy(kind, temperature)
    give_value_head(policy)
    ids, mask = batch
    with torch.no_grad():
        scores = policy.score(ids, mask)
    assert {x.shape for x in scores} == {ids.shape}
    weight = policy.value_head.weight[0].detach().double()
    model = policy.player.model
    for row, length in enumerate(LENGTHS):
        with torch.no_grad():
            own = ids[row : row + 1, :length]  # one row, no padding
            logits = model(input_ids=own).logits[0].double().numpy()
            hidden = model.base_model(input_ids=own).last_hidden_state[0].double()
        steps = log_softmax(logits / temperature, axis=-1)
        for t in range(1, length):
            assert scores.logprobs[row, t].item() == pytest.approx(
                steps[t - 1, ids[row, t]], abs=1e-4
            )
            assert scores.entropy[row, t].item() == pytest.approx(
                entropy_in_nats(np.exp(steps[t - 1])), abs=1e-4
            )
            value = (hidden[t - 1] @ weight).item() + 0.25
            assert scores.values[row, t].item() == pytest.approx(value, abs=1e-4)
    assert all(x[:, 0].eq(0).all() for x in scores)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", [2, 5, 8])
def test_start_changes_nothing_in_the_columns_it_covers(
    kind: str, start: int, make_policy: MakePolicy, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    policy = make_policy(kind)
    give_value_head(policy)
    with torch.no_grad():
        whole = (*policy.score(*batch), policy.reference_logprobs(*batch))
        tail = (*policy.score(*batch, start), policy.reference_logprobs(*batch, start))
    for a, b in zip(whole, tail, strict=True):
        assert a.shape == b.shape
        torch.testing.assert_close(a[:, start:], b[:, start:], atol=1e-5, rtol=0)
        assert b[:, :start].eq(0).all()
        assert a[:, 1:start].ne(0).any()


class _AllLogits(GPT2LMHeadModel):
    """A model that cannot be asked for its last logits alone."""

    def forward(  # type: ignore[override]
        self,
        input_ids: Any,
        attention_mask: Any,
        output_hidden_states: bool = False,
        use_cache: bool = True,
    ) -> Any:
        return super().forward(
            input_ids=input_ids,
            attention_mask=attention_mask,
            output_hidden_states=output_hidden_states,
            use_cache=use_cache,
        )


def test_models_that_give_all_logits(
    make_policy: MakePolicy,
    word_tokenizer: PreTrainedTokenizerFast,
    batch: tuple[torch.Tensor, torch.Tensor],
) -> None:
    policy = make_policy("gpt2")
    model = _AllLogits(policy.player.model.config)
    model.load_state_dict(policy.player.model.state_dict())
    other = LanguagePolicy(CausalLMPlayer(model, word_tokenizer))
    with torch.no_grad():
        for mine, theirs in zip(policy.score(*batch, 4), other.score(*batch, 4), strict=True):
            torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)
        torch.testing.assert_close(
            policy.reference_logprobs(*batch, 4), other.reference_logprobs(*batch, 4)
        )


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_sampled_scores_as_it_was_sampled(
    kind: str, temperature: float, make_policy: MakePolicy, decide: Decide
) -> None:
    # Left-padded with a cache when sampled, right-padded at once when scored.
    policy = make_policy(kind, temperature)
    trajectory = pack(decide(policy, [0.0] * 30, max_tokens=10), policy.player.pad_id)
    assert trajectory.attention_mask.sum(-1).unique().numel() > 3
    with torch.no_grad():
        scores = policy.score(
            trajectory.ids, trajectory.attention_mask, trajectory.first_response_column
        )
    mask = trajectory.response_mask
    torch.testing.assert_close(scores.logprobs[mask], trajectory.logprobs[mask], atol=1e-5, rtol=0)


def test_values_are_zero_at_first_and_two_policies_share_no_critic(
    make_policy: MakePolicy, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    first, second = make_policy(), make_policy()
    give_value_head(first)
    assert first.score(*batch).values[:, 1:].ne(0).all()
    assert second.score(*batch).values.eq(0).all()


def test_the_reference_stays_while_the_policy_moves(
    make_policy: MakePolicy, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    policy = make_policy(temperature=0.5)
    before = policy.reference_logprobs(*batch)
    with torch.no_grad():
        torch.testing.assert_close(before, policy.score(*batch).logprobs, atol=1e-6, rtol=0)
    shift_weights(policy)
    with torch.no_grad():
        assert (policy.score(*batch).logprobs - before).abs().max() > 0.1
    torch.testing.assert_close(policy.reference_logprobs(*batch), before, atol=0, rtol=0)


def test_gradients_reach_the_policy_and_its_critic_alone(
    make_policy: MakePolicy, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    policy = make_policy()
    scores = policy.score(*batch)
    (scores.logprobs.sum() + scores.values.sum()).backward()
    assert all(p.grad is not None for p in policy.model.parameters())
    assert all(p.grad is not None for p in policy.value_head.parameters())
    assert not any(p.requires_grad for p in policy.reference.parameters())


def test_dropout_is_off(make_policy: MakePolicy, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    policy = make_policy(resid_pdrop=0.5, embd_pdrop=0.5, attn_pdrop=0.5)
    with torch.no_grad():
        torch.testing.assert_close(
            policy.score(*batch).logprobs, policy.score(*batch).logprobs, atol=0, rtol=0
        )


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen2"])
def test_a_saved_policy_is_an_ordinary_folder(
    kind: str, tmp_path: Path, make_policy: MakePolicy, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    policy = make_policy(kind, temperature=0.5)
    shift_weights(policy)
    give_value_head(policy)
    policy.save(tmp_path)
    ids, mask = batch
    plain = AutoModelForCausalLM.from_pretrained(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(
            plain(input_ids=ids, attention_mask=mask).logits,
            policy.player.model(input_ids=ids, attention_mask=mask).logits,
            atol=1e-6,
            rtol=0,
        )
        loaded = LanguagePolicy.load(tmp_path, temperature=0.5)
        for mine, theirs in zip(policy.score(*batch), loaded.score(*batch), strict=True):
            torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)
        # By default what is loaded is its own reference.
        torch.testing.assert_close(
            loaded.reference_logprobs(*batch), loaded.score(*batch).logprobs, atol=1e-6, rtol=0
        )


def test_a_policy_goes_on_with_its_old_reference(
    tmp_path: Path, make_policy: MakePolicy, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    policy = make_policy(temperature=0.5)
    shift_weights(policy)
    policy.save(tmp_path / "policy")
    policy.save_reference(tmp_path / "reference")
    loaded = LanguagePolicy.load(
        tmp_path / "policy", reference=tmp_path / "reference", temperature=0.5
    )
    torch.testing.assert_close(
        loaded.reference_logprobs(*batch), policy.reference_logprobs(*batch), atol=1e-5, rtol=0
    )
    assert not any(p.requires_grad for p in loaded.reference.parameters())
    assert not loaded.reference.training


def test_a_folder_without_a_value_head_starts_at_zero(
    tmp_path: Path, make_policy: MakePolicy, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    policy = make_policy()
    give_value_head(policy)
    policy.save(tmp_path)
    (tmp_path / VALUE_HEAD_FILE).unlink()
    assert LanguagePolicy.load(tmp_path).score(*batch).values.eq(0).all()


def test_a_policy_is_a_player(make_policy: MakePolicy) -> None:
    policy = make_policy()
    assert isinstance(policy, Player)
    chats = [[Message(role="user", content="tell me a joke")]] * 4
    replies = policy.reply(chats, np.random.default_rng(5), max_tokens=6)
    uniforms = np.random.default_rng(5).random((4, 6))
    assert replies == [completion.text for completion in policy.sample(chats, uniforms)]


def test_greedy_sampling_cannot_learn(make_policy: MakePolicy, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"temperature=0\.0.*above 0"):
        make_policy(temperature=0.0)
    make_policy().save(tmp_path)
    with pytest.raises(ConfigurationError, match="temperature=-1"):
        LanguagePolicy.load(tmp_path, temperature=-1.0)


def test_a_half_precision_checkpoint_is_trained_in_full(
    make_policy: Callable[..., LanguagePolicy], tmp_path: Path
) -> None:
    policy = make_policy()
    policy.player.model.to(torch.bfloat16).save_pretrained(tmp_path)
    policy.player.tokenizer.save_pretrained(tmp_path)
    loaded = LanguagePolicy.load(tmp_path)
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}
    assert {p.dtype for p in loaded.reference.parameters()} == {torch.float32}
