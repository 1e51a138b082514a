"""Players on one frozen base: the same numbers as whole models, less memory, no crosstalk."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from llm_game_agents.computing import Computing
from llm_game_agents.frozen import frozen_copy
from llm_game_agents.opponents import snapshot
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.shared_base import SharedBase
from llm_game_agents.trajectory import Decision
from llm_game_agents.update_rules import PPOConfig
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import CausalLMPlayer

KINDS = ("gpt2", "llama", "qwen2", "gemma2")
PPO_KNOBS = PPOConfig(learning_rate=1e-2, warmup_updates=0)
IDS = torch.tensor([[5, 9, 4, 17, 6, 12], [11, 4, 8, 19, 7, 7]])
MASK = torch.ones_like(IDS)

Decide = Callable[..., list[Decision]]
MakeBase = Callable[..., SharedBase]


@pytest.fixture
def save_model(make_lm: Callable[..., Any], word_tokenizer: Any, tmp_path: Path) -> Any:
    """`save_model(kind)`: the folder of a whole model with random weights."""

    def save(kind: str = "llama", **options: Any) -> Path:
        model = make_lm(kind, len(word_tokenizer), **options)
        CausalLMPlayer(model, word_tokenizer).save(tmp_path / kind)
        return tmp_path / kind

    return save


@pytest.fixture
def make_base(save_model: Callable[..., Path]) -> MakeBase:
    """`make_base(kind, **arguments)`: such a model as a base."""
    return lambda kind="llama", **arguments: SharedBase.load(save_model(kind), **arguments)


def learn(policy: LanguagePolicy, decide: Decide, seed: int = 0) -> None:
    """One update, after which the policy says other things."""
    decisions = decide(policy, [1.0, -1.0, 0.5] * 4, seed=seed)
    PPO_KNOBS.make_learner(policy, 0).update(decisions)


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    return model(input_ids=IDS, attention_mask=MASK).logits


def parameters(models: Iterable[torch.nn.Module]) -> int:
    """How many numbers they hold, what is shared counted once."""
    return sum(p.numel() for p in {p for model in models for p in model.parameters()})


@pytest.mark.parametrize("kind", KINDS)
def test_at_first_a_policy_is_the_whole_model(
    kind: str, save_model: Callable[..., Path], decide: Decide
) -> None:
    folder = save_model(kind)
    whole, policy = LanguagePolicy.load(folder), SharedBase.load(folder).policy(seed=3)
    assert type(policy.player.model) is type(whole.player.model)
    torch.testing.assert_close(logits(policy.model), logits(whole.model), atol=1e-6, rtol=0)
    torch.testing.assert_close(logits(policy.reference), logits(whole.model), atol=1e-6, rtol=0)
    mine, theirs = (decide(p, [0.0] * 9) for p in (policy, whole))
    assert [d.completion.ids for d in mine] == [d.completion.ids for d in theirs]


@pytest.mark.parametrize("kind", KINDS)
def test_learning_in_one_touches_nothing_else(
    kind: str, make_base: MakeBase, decide: Decide
) -> None:
    base = make_base(kind)
    mine, other = base.policy(seed=0), base.policy(seed=1)
    learn(other, decide, seed=5)
    kept = [snapshot(mine).model, snapshot(other).model, base.model]
    still = [*kept, other.model, mine.reference, other.reference]
    before = [logits(model) for model in still]
    start = logits(mine.model)
    learn(mine, decide)
    assert (logits(mine.model) - start).abs().max() > 1e-3
    for model, old in zip(still, before, strict=True):
        assert torch.equal(logits(model), old)


def test_a_policy_learns_its_adapter_and_value_head_alone(make_base: MakeBase) -> None:
    policy = make_base(rank=4).policy()
    # Two layers of r · (in + out): q 16→16, k and v 16→8, o 16→16, gate and up 16→32, down 32→16.
    numbers = sum(p.numel() for p in policy.learnt_weights())
    assert numbers == 2 * 4 * (32 + 24 + 24 + 32 + 48 + 48 + 48)
    scores = policy.score(IDS, MASK)
    (scores.logprobs.sum() + scores.values.sum()).backward()
    given = [p for p in policy.parameters() if p.grad is not None]
    assert set(given) == {*policy.learnt_weights(), *policy.value_head.parameters()}


def test_memory_of_a_model_with_a_hundred_million_parameters(word_tokenizer: Any) -> None:
    config = LlamaConfig(
        vocab_size=32000,
        hidden_size=768,
        intermediate_size=2048,
        num_hidden_layers=12,
        num_attention_heads=12,
        eos_token_id=3,
    )
    with torch.device("meta"):  # Numbers are counted, not computed with.
        model = LlamaForCausalLM(config)
        alone = parameters([model])
        assert alone >= 100e6
        separate = [
            LanguagePolicy(CausalLMPlayer(frozen_copy(model).requires_grad_(), word_tokenizer))
            for _ in range(2)
        ]
        base = SharedBase(CausalLMPlayer(model, word_tokenizer), rank=16)
        players = [base.policy(seed=0), base.policy(seed=1)]
        assert parameters(players) <= 1.05 * alone
        # With frozen adapters as references, and two past players besides.
        for player in players:
            player.anchor()
        past: list[Any] = [snapshot(player).model for player in players]
        assert parameters([*players, *past]) <= 1.15 * alone
    assert parameters(separate) >= 4 * alone


def test_memory_on_a_base_in_half_precision(word_tokenizer: Any) -> None:
    config = LlamaConfig(
        vocab_size=32000,
        hidden_size=768,
        intermediate_size=2048,
        num_hidden_layers=12,
        num_attention_heads=12,
        eos_token_id=3,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
        whole = 4 * parameters([model])
        base = SharedBase(
            CausalLMPlayer(model, word_tokenizer), rank=16, computing=Computing(precision="bf16")
        )
        players = [base.policy(seed=0), base.policy(seed=1)]
        held = {p for player in players for p in player.parameters()}
    sizes = [sum(p.nbytes for p in kept) for kept in (held, base.model.parameters())]
    assert sizes[0] / sizes[1] <= 1.085
    assert sizes[0] / whole <= 0.565


def test_an_adapter_for_some_layers_alone(make_base: MakeBase) -> None:
    policy = make_base(rank=4, targets=("q_proj", "v_proj")).policy()
    # Two layers of r · (in + out): q 16→16, v 16→8.
    assert sum(p.numel() for p in policy.learnt_weights()) == 2 * 4 * (32 + 24)
    with pytest.raises(ConfigurationError, match=r"\['q'\] are no linear layers .* 'q_proj'"):
        make_base(targets=("q", "v_proj"))


def test_an_adapter_opens_in_plain_peft_and_transformers(
    make_base: MakeBase, decide: Decide, tmp_path: Path
) -> None:
    base = make_base()
    policy, other = base.policy(seed=0), base.policy(seed=1)
    learn(policy, decide)
    learn(other, decide, seed=1)
    for player, name in ((policy, "adapter"), (other, "other")):
        folder = tmp_path / name
        player.save(folder)
        assert not (folder / "model.safetensors").exists()
        wrapped: Any = peft.PeftModel.from_pretrained(
            AutoModelForCausalLM.from_pretrained(base.path), str(folder)
        )
        plain = AutoModelForCausalLM.from_pretrained(folder)
        for model in (wrapped, plain, CausalLMPlayer.load(folder).model, base.player(folder).model):
            torch.testing.assert_close(logits(model), logits(player.model), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_merged_policy_is_an_ordinary_folder(
    kind: str, make_base: MakeBase, decide: Decide, tmp_path: Path
) -> None:
    base = make_base(kind)
    policy = base.policy()
    before = logits(base.model)
    learn(policy, decide)
    base.save_merged(policy, tmp_path / "merged")
    assert not (tmp_path / "merged" / "adapter_config.json").exists()
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    torch.testing.assert_close(logits(plain), logits(policy.model), atol=1e-4, rtol=0)
    whole = LanguagePolicy.load(tmp_path / "merged")
    with torch.no_grad():
        torch.testing.assert_close(
            whole.score(IDS, MASK).values, policy.score(IDS, MASK).values, atol=1e-4, rtol=0
        )
        assert policy.score(IDS, MASK).values.ne(0).any()
    assert torch.equal(logits(base.model), before)


def test_an_adapter_may_be_where_a_policy_starts(
    make_base: MakeBase, decide: Decide, tmp_path: Path
) -> None:
    base = make_base()
    sft = base.policy()
    learn(sft, decide)
    sft.save(tmp_path / "sft")
    policy = base.policy(adapter=tmp_path / "sft")
    assert torch.equal(logits(policy.model), logits(sft.model))
    assert torch.equal(policy.value_head.weight, sft.value_head.weight)
    learn(policy, decide, seed=1)
    assert not torch.equal(logits(policy.model), logits(sft.model))
    assert torch.equal(logits(policy.reference), logits(sft.model))
    for reference, model in ((base.path, base.model), (tmp_path / "sft", sft.model)):
        fresh = base.policy(reference=reference)
        assert torch.equal(logits(fresh.reference), logits(model))
        assert torch.equal(logits(fresh.model), logits(base.model))


def test_the_anchor_may_move(make_base: MakeBase, decide: Decide) -> None:
    policy = make_base().policy()
    learn(policy, decide)
    policy.anchor()
    anchored = logits(policy.model)
    assert torch.equal(logits(policy.reference), anchored)
    assert not any(p.requires_grad for p in policy.reference.parameters())
    learn(policy, decide, seed=1)
    assert torch.equal(logits(policy.reference), anchored)
    assert not torch.equal(logits(policy.model), anchored)


def test_a_base_in_half_precision_stays_so_and_adapters_do_not(
    save_model: Callable[..., Path], word_tokenizer: Any, decide: Decide
) -> None:
    folder = save_model()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    CausalLMPlayer(model, word_tokenizer).save(folder)
    base = SharedBase.load(folder)
    policy = base.policy()
    assert {p.dtype for p in base.model.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in policy.learnt_weights()} == {torch.float32}
    start = logits(policy.model)
    learn(policy, decide)
    assert not torch.equal(logits(policy.model), start)
    policy.save(folder.parent / "adapter")
    assert torch.equal(logits(base.player(folder.parent / "adapter").model), logits(policy.model))


def test_seeds_decide_and_no_global_generator_is_touched(make_base: MakeBase) -> None:
    base = make_base()
    before = torch.get_rng_state()
    first, again, other = (base.policy(seed=seed).learnt_weights() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("knob", ["rank", "alpha"])
def test_adapters_of_no_rank_are_refused(knob: str, make_base: MakeBase) -> None:
    with pytest.raises(ConfigurationError, match=f"{knob}=0 must be at least 1"):
        make_base(**{knob: 0})


def test_an_adapter_is_no_whole_model(make_base: MakeBase, tmp_path: Path) -> None:
    make_base().policy().save(tmp_path / "adapter")
    with pytest.raises(ConfigurationError, match=r"adapter' holds an adapter; open it with Shared"):
        LanguagePolicy.load(tmp_path / "adapter")


def test_folders_that_hold_no_fitting_adapter(make_base: MakeBase, tmp_path: Path) -> None:
    base = make_base("llama")
    with pytest.raises(ConfigurationError, match=r"llama' holds no adapter that can be read"):
        base.policy(adapter=base.path)
    make_base("gpt2").policy().save(tmp_path / "foreign")
    with pytest.raises(ConfigurationError, match=r"does not fit .*llama'"):
        base.policy(adapter=tmp_path / "foreign")
    base.policy().save(tmp_path / "adapter")
    peft.LoraConfig(r=2, bias="all", target_modules=["q_proj"]).save_pretrained(
        str(tmp_path / "adapter")
    )
    with pytest.raises(ConfigurationError, match=r"a LoraConfig with bias='all'"):
        base.policy(adapter=tmp_path / "adapter")
    cases: dict[str, dict[str, Any]] = {
        r"init_lora_weights='pissa' changed": {"init_lora_weights": "pissa"},
        r"24 weights are on one side only, as model\.layers\.0\.mlp\.down_proj\.lora_A": {},
    }
    for problem, knobs in cases.items():
        config = peft.LoraConfig(r=16, target_modules=["q_proj"], **knobs)
        config.save_pretrained(str(tmp_path / "adapter"))
        with pytest.raises(ConfigurationError, match=problem):
            base.policy(adapter=tmp_path / "adapter")


def test_an_adapter_cannot_write_into_the_base(make_base: MakeBase, tmp_path: Path) -> None:
    base = make_base()
    before = logits(base.model)
    base.policy().save(tmp_path)
    file = tmp_path / "adapter_model.safetensors"
    weights = load_file(file)
    name = "base_model.model.model.norm.weight"
    save_file(weights | {name: torch.zeros(16)}, file)
    with pytest.raises(ConfigurationError, match=r"one side only, as model\.norm\.weight"):
        base.policy(adapter=tmp_path)
    assert torch.equal(logits(base.model), before)


def test_without_peft_the_extra_is_named(
    save_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'llm-game-env\[lora\]'"):
        SharedBase.load(save_model())
