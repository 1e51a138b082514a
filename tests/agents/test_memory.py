"""Memory plans: against what torch's profiler sees, and against what a run holds."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

from llm_game_agents.computing import Computing
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.memory.free import free_bytes
from llm_game_agents.memory.passes import (
    Need,
    largest_that_fits,
    sampling_need,
    scoring_need,
    update_need,
)
from llm_game_agents.memory.plan import Lengths, MemoryPlan, Part, plan_memory
from llm_game_agents.memory.weightless import Weightless
from llm_game_agents.opponents import LatestAndPast
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.shared_base import SharedBase
from llm_game_agents.update_rules import PPOConfig
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import CausalLMPlayer

KINDS = ("gpt2", "llama")
ROWS, LENGTH, START = 4, 48, 24
COMPUTINGS = {
    "plain": Computing(),
    "recomputed": Computing(gradient_checkpointing=True),
    "bf16": Computing(precision="bf16"),
}
SHAPES = {
    "gpt2": {"n_layer": 2, "n_embd": 64, "n_head": 4},
    "llama": {
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "intermediate_size": 172,
        "num_attention_heads": 4,
    },
}


@pytest.fixture
def save_model(
    make_lm: Callable[..., Any], word_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> Callable[[str], Path]:
    """`save_model(kind)`: a folder of random weights, with a vocabulary wider than the model."""

    def save(kind: str) -> Path:
        model = make_lm(kind, 500, **SHAPES[kind])
        CausalLMPlayer(model, word_tokenizer).save(tmp_path / kind)
        return tmp_path / kind

    return save


def load(path: Path, computing: Computing, lora: bool) -> LanguagePolicy:
    if lora:
        return SharedBase.load(path, rank=4, computing=computing).policy()
    return LanguagePolicy.load(path, computing=computing)


def plan_policy(mode: Weightless, path: Path, computing: Computing, lora: bool) -> LanguagePolicy:
    if lora:
        return mode.adapter(path, 1.0, computing, rank=4)
    return mode.policy(path, 1.0, computing)


def measured_peak(work: Callable[[], object]) -> int:
    """The most bytes that the allocator of the CPU gave out at once, by torch's profiler."""
    work()  # What is made once, by the first pass alone, is none of it.
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    events: Any = seen.profiler
    changes = sorted(
        (event.start_ns(), event.nbytes())
        for event in events.kineto_results.events()
        if event.name() == "[memory]"
    )
    now = peak = 0
    for _, size in changes:
        now += size
        peak = max(peak, now)
    return peak


def learn_a_piece(policy: LanguagePolicy) -> None:
    """Adds the gradient of a micro-batch to what is there."""
    ids = torch.ones((ROWS, LENGTH), dtype=torch.long)
    scores = policy.score(ids, torch.ones_like(ids), START)
    (scores.logprobs.exp().sum() + scores.entropy.sum() + scores.values.sum()).backward()


def cases() -> Iterator[Any]:
    """Every kind, as a whole and as an adapter, in every way to compute; most of them slow."""
    for kind, lora, name in product(KINDS, (False, True), COMPUTINGS):
        quick = (kind, lora, name) in {("gpt2", False, "plain"), ("llama", True, "recomputed")}
        marks = () if quick else pytest.mark.slow
        label = f"{kind}-{'adapter' if lora else 'whole'}-{name}"
        yield pytest.param(kind, lora, COMPUTINGS[name], marks=marks, id=label)


@pytest.mark.parametrize(("kind", "lora", "computing"), list(cases()))
def test_an_update_needs_what_was_planned(
    kind: str, lora: bool, computing: Computing, save_model: Callable[[str], Path]
) -> None:
    path = save_model(kind)
    mode = Weightless()
    planned = plan_policy(mode, path, computing, lora)
    with mode:
        one, two, four = (update_need(planned, n, LENGTH, START) for n in (1, 2, ROWS))
    policy = load(path, computing, lora)
    learn_a_piece(policy)
    measured = measured_peak(lambda: learn_a_piece(policy))
    assert measured / 1.1 <= four.peak <= 1.1 * measured
    assert Need.at(ROWS, one, two).peak == pytest.approx(four.peak, rel=0.05)
    # On real tensors, too.
    assert update_need(policy, ROWS, LENGTH, START).peak == pytest.approx(four.peak, rel=0.02)
    assert all(parameter.grad is None for parameter in policy.parameters())


@pytest.mark.parametrize("lora", [False, True], ids=["whole", "adapter"])
@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_planned_exactly(
    kind: str, lora: bool, save_model: Callable[[str], Path]
) -> None:
    path = save_model(kind)
    for computing in (Computing(), COMPUTINGS["bf16"]):
        planned = plan_policy(Weightless(), path, computing, lora)
        policy = load(path, computing, lora)
        for mine, theirs in ((planned.model, policy.model), (planned.reference, policy.reference)):
            sizes = [[(p.numel(), p.dtype) for p in m.parameters()] for m in (mine, theirs)]
            assert sizes[0] == sizes[1]


@pytest.mark.parametrize("kind", KINDS)
def test_sampling_needs_what_was_planned(kind: str, save_model: Callable[[str], Path]) -> None:
    path = save_model(kind)
    mode = Weightless()
    planned = mode.policy(path, 1.0)
    with mode:
        need = sampling_need(planned, ROWS, 24, 24)
    policy = LanguagePolicy.load(path)
    head, width = (4, 16) if kind == "gpt2" else (1, 16)
    # Keys and values of 2 layers, float32.
    assert need.cache == ROWS * 2 * 2 * 48 * head * width * 4

    def read() -> None:
        with torch.no_grad():
            policy.model(input_ids=torch.ones((ROWS, 48), dtype=torch.long), logits_to_keep=1)

    assert need.cache < need.peak
    assert sampling_need(policy, ROWS, 24, 24) == need
    with mode:
        once = sampling_need(planned, ROWS, 48, 1)
    measured = measured_peak(read)
    assert measured / 1.1 <= once.peak <= 1.3 * measured


def test_a_reward_model_needs_what_was_planned(
    save_classifier: Callable[..., str], word_tokenizer: PreTrainedTokenizerFast
) -> None:
    path = save_classifier("bert", word_tokenizer, ["unsafe", "safe"])
    mode = Weightless()
    planned = mode.classifier(path)
    with mode:
        need = scoring_need(planned, ROWS, LENGTH)
    model = AutoModelForSequenceClassification.from_pretrained(path, attn_implementation="eager")

    def read() -> None:
        with torch.no_grad():
            ids = torch.ones((ROWS, LENGTH), dtype=torch.long)
            model(ids, torch.ones_like(ids))

    measured = measured_peak(read)
    assert measured / 1.3 <= need.peak <= 1.3 * measured


def plan(path: Path, config: GPOConfig, free: int | None, computing: Computing) -> MemoryPlan:
    mode = Weightless()
    policies = {agent: mode.policy(path, 1.0, computing) for agent in ("adversary_0", "defender_0")}
    with mode:
        return plan_memory(
            policies,
            None,
            config,
            stages=config.schedule(),
            games=16,
            scored_at_once=64,
            lengths=dict.fromkeys(policies, Lengths(24, 24)),
            free=free,
        )


def test_a_plan_adds_up(save_model: Callable[[str], Path], make_lm: Any) -> None:
    config = GPOConfig(
        rounds=3,
        defender=PPOConfig(num_minibatches=2),
        adversary=PPOConfig(num_minibatches=4, micro_batch_size=3),
    )
    found = plan(save_model("gpt2"), config, None, Computing())
    sizes = {part.name.partition(", of which")[0]: part.size for part in found.parts}
    model = make_lm("gpt2", 500, **SHAPES["gpt2"])
    weights = 4 * sum(p.numel() for p in model.parameters())
    head = 4 * 65
    buffers = sum(b.nbytes for b in model.buffers())
    for agent in ("adversary_0", "defender_0"):
        assert sizes[f"{agent}: weights"] == weights + buffers
        assert sizes[f"{agent}: reference"] == weights + buffers
        assert sizes[f"{agent}: gradients"] == weights + head
        assert sizes[f"{agent}: optimiser moments"] == 2 * (weights + head)
    # The defender learns on after two of the three attack stages, and meets who began them.
    assert sizes["adversary_0: 2 past players"] == 2 * (weights + buffers)
    assert not any(name.startswith("defender_0") and "past" in name for name in sizes)
    assert found.micro_batch_size == {"adversary_0": 3, "defender_0": 8}
    busy = [part.size for part in found.parts if part.when != "always"]
    assert found.total == found.always + max(busy)
    assert found.fits


@pytest.mark.slow
def test_a_micro_batch_is_chosen_to_fit(save_model: Callable[[str], Path]) -> None:
    path = save_model("gpt2")
    auto = PPOConfig(num_minibatches=1, micro_batch_size="auto")
    config = GPOConfig(defender=auto, adversary=auto, defender_plays=LatestAndPast())
    roomy = plan(path, config, 2**40, Computing())
    assert set(roomy.micro_batch_size.values()) == {16}
    update = max(part.size for part in roomy.parts if part.when == "updating")
    tight = plan(path, config, int((roomy.always + update / 3) / 0.8), Computing())
    assert set(tight.micro_batch_size.values()) == {4}
    assert roomy.fits
    assert not MemoryPlan(roomy.parts, {}, roomy.always).fits


def test_rows_are_halved_until_they_fit() -> None:
    one, two = Need(100, 0), Need(150, 0)
    assert Need.at(5, one, two).peak == 300
    assert largest_that_fits(one, two, 13, None) == 13
    assert largest_that_fits(one, two, 13, 400.0) == 7
    assert largest_that_fits(one, two, 13, 10.0) == 1


def test_what_is_elsewhere_does_not_count() -> None:
    parts = (
        Part("a", 10),
        Part("b", 20, "elsewhere"),
        Part("c", 5, "playing"),
        Part("d", 7, "updating"),
    )
    assert MemoryPlan(parts, {}, 21).total == 17
    assert not MemoryPlan(parts, {}, 21).fits
    assert MemoryPlan(parts, {}, 22).fits


def test_the_memory_of_this_machine_is_known() -> None:
    free = free_bytes("cpu")
    assert free is not None
    assert free > 2**20
    assert free_bytes("meta") is None


def test_nothing_to_plan(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no configuration that can be read"):
        Weightless().policy(tmp_path, 1.0)
