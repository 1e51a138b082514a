"""Batched sampling with a cache, against one row at a time without one."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from scipy.stats import chisquare

from llm_game_env.players.sampling import SampledTokens, accepts_logits_to_keep, sample_tokens

MakeLM = Callable[..., Any]
KINDS = ("gpt2", "llama", "qwen2", "gemma2")
VOCABULARY = 24
PROMPTS = [[5, 6, 7, 8, 9, 10, 11], [5], [12, 13, 14], [20, 21, 5, 6, 7], [9, 9]]
EOS = {2, 3, 4}


def one_by_one(
    model: Any, prompt: list[int], uniforms: np.ndarray, context: int, temperature: float
) -> SampledTokens:
    """The definition: the whole sequence through the model for every token, in float64."""
    ids: list[int] = []
    logprobs: list[float] = []
    for u in uniforms:
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([prompt + ids])).logits[0, -1].double().numpy()
        of_all = log_softmax(logits / (temperature or 1.0))
        token = 0
        while temperature and np.exp(of_all[: token + 1]).sum() <= u:
            token += 1
        token = token if temperature else int(logits.argmax())
        ids.append(token)
        logprobs.append(float(of_all[token]))
        if token in EOS:
            return SampledTokens(ids, logprobs, "eos")
        if len(ids) < len(uniforms) and len(prompt) + len(ids) == context:
            return SampledTokens(ids, logprobs, "context")
    return SampledTokens(ids, logprobs, "length")


def sample(
    model: Any,
    prompts: list[list[int]],
    uniforms: np.ndarray,
    *,
    context: int = 128,
    temperature: float = 1.0,
) -> list[SampledTokens]:
    return sample_tokens(
        model,
        prompts,
        uniforms,
        eos_ids=EOS,
        pad_id=0,
        context=context,
        temperature=temperature,
    )


def draws(num_rows: int, max_tokens: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((num_rows, max_tokens))


def assert_equal(sampled: list[SampledTokens], expected: list[SampledTokens]) -> None:
    assert [s.ids for s in sampled] == [s.ids for s in expected]
    assert [s.stop for s in sampled] == [s.stop for s in expected]
    for mine, theirs in zip(sampled, expected, strict=True):
        np.testing.assert_allclose(mine.logprobs, theirs.logprobs, atol=1e-5)


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest, make_lm: MakeLM) -> Any:
    return make_lm(request.param, VOCABULARY)


@pytest.mark.parametrize(
    ("temperature", "context"), [(1.0, 128), (0.7, 128), (0.0, 128), (2.0, 10)]
)
def test_equals_the_definition(model: Any, temperature: float, context: int) -> None:
    uniforms = draws(len(PROMPTS))
    sampled = sample(model, PROMPTS, uniforms, temperature=temperature, context=context)
    expected = [
        one_by_one(model, prompt, row, context, temperature)
        for prompt, row in zip(PROMPTS, uniforms, strict=True)
    ]
    assert_equal(sampled, expected)


def test_rows_end_at_different_times_and_for_each_reason(make_lm: MakeLM) -> None:
    """That the other tests see what they are about."""
    model = make_lm("gpt2", VOCABULARY)
    sampled = sample(model, PROMPTS, draws(len(PROMPTS)), temperature=2.0, context=10)
    assert len({len(s.ids) for s in sampled}) > 2
    assert {s.stop for s in sampled} == {"eos", "context"}
    ends = {s.ids[-1] for s in sample(model, PROMPTS * 20, draws(100)) if s.stop == "eos"}
    assert ends == EOS
    assert "length" in {s.stop for s in sample(model, PROMPTS * 4, draws(20, 3))}


def test_a_row_does_not_depend_on_its_batch(model: Any) -> None:
    prompts, uniforms = PROMPTS * 3, draws(15, seed=1)
    together = sample(model, prompts, uniforms)
    alone = [sample(model, [prompts[i]], uniforms[i : i + 1])[0] for i in range(15)]
    assert len({len(s.ids) for s in together}) > 2
    assert_equal(together, alone)
    order = np.random.default_rng(0).permutation(15)
    shuffled = sample(model, [prompts[i] for i in order], uniforms[order])
    assert_equal(shuffled, [together[i] for i in order])


def test_eager_attention_ignores_padding(make_lm: MakeLM) -> None:
    model = make_lm("gpt2", VOCABULARY, attn_implementation="eager")
    uniforms = draws(len(PROMPTS))
    expected = [
        one_by_one(model, prompt, row, 128, 1.0)
        for prompt, row in zip(PROMPTS, uniforms, strict=True)
    ]
    assert_equal(sample(model, PROMPTS, uniforms), expected)
    other_pad = sample_tokens(model, PROMPTS, uniforms, eos_ids=EOS, pad_id=17, context=128)
    assert_equal(other_pad, expected)


def test_the_context_is_filled_and_no_more(make_lm: MakeLM) -> None:
    model = make_lm("gpt2", VOCABULARY, max_position_embeddings=8)
    prompts = [list(range(5, 5 + n)) for n in (1, 4, 7)]
    sampled = sample_tokens(model, prompts, draws(3, 20), eos_ids={}, pad_id=0, context=8)
    assert [len(p) + len(s.ids) for p, s in zip(prompts, sampled, strict=True)] == [8, 8, 8]
    assert {s.stop for s in sampled} == {"context"}


def test_nothing_is_computed_for_rows_that_ended(make_lm: MakeLM) -> None:
    model = make_lm("gpt2", VOCABULARY)
    widths: list[tuple[int, int]] = []
    inner = model.forward

    def counted(*args: Any, **kwargs: Any) -> Any:
        widths.append(tuple(kwargs["input_ids"].shape))
        return inner(*args, **kwargs)

    model.forward = counted
    sampled = sample(model, PROMPTS, draws(len(PROMPTS)))
    lengths = [len(s.ids) for s in sampled]
    expected = [(sum(n > t for n in lengths), 7 if t == 0 else 1) for t in range(max(lengths))]
    assert widths == expected
    assert expected[-1][0] < expected[0][0]


class FixedLogits(torch.nn.Module):
    """The same distribution whatever was said, in the shape of a causal language model."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.fixed = torch.tensor(logits)
        self.config = None
        self.device = torch.device("cpu")

    def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
        return SimpleNamespace(logits=self.fixed.expand(*input_ids.shape, -1))


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = SimpleNamespace(batch_select_indices=lambda _: None)
    monkeypatch.setattr("llm_game_env.players.sampling.make_cache", lambda _: cache)


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize(
    ("temperature", "weights"), [(1.0, [1, 2, 3, 4]), (0.5, [1, 4, 9, 16]), (2.0, [10] * 4)]
)
def test_draws_follow_the_distribution(temperature: float, weights: list[int]) -> None:
    base = np.log([10.0] * 4 if temperature == 2.0 else [1.0, 2.0, 3.0, 4.0])
    uniforms = np.random.default_rng(3).random((20_000, 1))
    sampled = sample_tokens(
        FixedLogits(base.tolist()),
        [[0]] * 20_000,
        uniforms,
        eos_ids={0},
        pad_id=0,
        context=9,
        temperature=temperature,
    )
    counts = np.bincount([s.ids[0] for s in sampled], minlength=4)
    expected = 20_000 * np.array(weights) / sum(weights)
    assert chisquare(counts, expected).pvalue > 0.001
    for token in range(4):
        logprob = next(s.logprobs[0] for s in sampled if s.ids == [token])
        assert logprob == pytest.approx(np.log(weights[token] / sum(weights)), abs=1e-6)


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize(
    ("u", "token"), [(0.0, 1), (0.2499, 1), (0.2501, 2), (1 - 1e-4, 2), (1 - 1e-12, 2)]
)
def test_no_draw_takes_what_has_no_probability(u: float, token: int) -> None:
    nothing = float("-inf")
    model = FixedLogits([nothing, 0.0, float(np.log(3)), nothing])
    uniforms = np.array([[u]])
    sampled = sample_tokens(model, [[0]], uniforms, eos_ids={0}, pad_id=0, context=9)[0]
    assert sampled.ids == [token]
    assert np.isfinite(sampled.logprobs).all()


def test_no_room_for_tokens_gives_empty_rows(make_lm: MakeLM) -> None:
    sampled = sample(make_lm("gpt2", VOCABULARY), PROMPTS, draws(len(PROMPTS), 0))
    assert {(tuple(s.ids), s.stop) for s in sampled} == {((), "length")}


def test_which_models_can_leave_out_logits(make_lm: MakeLM) -> None:
    assert accepts_logits_to_keep(make_lm("llama", VOCABULARY))
    assert not accepts_logits_to_keep(FixedLogits([0.0]))
