"""Micro-batches chosen to fit: what is chosen, and what happens where it does not fit."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from llm_game_agents.memory.passes import update_need
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Decision
from llm_game_agents.update_rules import GRPOConfig, PPOConfig, ReinforceConfig, RLOOConfig
from llm_game_agents.update_rules.config import UpdateRule
from llm_game_env.errors import ConfigurationError, TrainingError

FREE = "llm_game_agents.update_rules.micro_batches.free_bytes"
RULES = (PPOConfig(), GRPOConfig(group_size=2), RLOOConfig(group_size=2), ReinforceConfig())
REWARDS = [float(i % 4) - 1.0 for i in range(12)]
# An ε this large keeps Adam from blowing rounding up to whole steps.
KNOBS: dict[str, Any] = {"adam_eps": 1e-2, "update_epochs": 2, "num_minibatches": 2}

Decide = Callable[..., list[Decision]]
MakePolicy = Callable[..., LanguagePolicy]


def weights(policy: LanguagePolicy) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in policy.parameters()])


def learn(learner: Any, decide: Decide) -> torch.Tensor:
    decisions = decide(learner.policy, REWARDS)
    learner.update([replace(one, group=i // 2) for i, one in enumerate(decisions)])
    return weights(learner.policy)


def make_learner(rule: UpdateRule, policy: LanguagePolicy, size: int | str) -> Any:
    return replace(rule, **KNOBS, micro_batch_size=size).make_learner(policy, 0)


class CannotHold:
    """A model that runs out of memory where it is given more rows than it has room for."""

    def __init__(self, policy: LanguagePolicy, rows: int) -> None:
        self.failures: list[int] = []
        self._score, self._rows = policy.score, rows

    def __call__(self, ids: torch.Tensor, *rest: Any) -> Any:
        scores = self._score(ids, *rest)
        if len(ids) > self._rows:
            self.failures.append(len(ids))
            # Late: some of the gradient is there by now.
            scores.logprobs.sum().backward()
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return scores


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_out_of_memory_halves_and_leaves_no_trace(
    rule: UpdateRule,
    make_policy: MakePolicy,
    decide: Decide,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected = learn(make_learner(rule, make_policy(), 0), decide)
    policy = make_policy()
    monkeypatch.setattr(FREE, lambda _: 2**40)
    limited = CannotHold(policy, 2)
    monkeypatch.setattr(policy, "score", limited)
    learner = make_learner(rule, policy, "auto")
    given = learn(learner, decide)
    assert limited.failures == [6, 3]
    assert learner.state_dict()["micro_batch_size"] == 2
    assert [record.args for record in caplog.records if record.levelname == "WARNING"] == [
        (3,),
        (2,),
    ]
    torch.testing.assert_close(given, expected, atol=1e-6, rtol=0)


def test_the_size_goes_by_what_is_free(
    make_policy: MakePolicy, decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, ends = [], []
    completions = [one.completion for one in decide(make_policy(), REWARDS)]
    length = max(len(one.prompt_ids) + len(one.ids) for one in completions)
    start = min(len(one.prompt_ids) for one in completions)
    policy = make_policy()
    learnt = [*policy.learnt_weights(), *policy.critic_weights()]
    # Beside three rows there must be room for gradients and both moments, which are yet to come.
    lasting = 3 * sum(parameter.nbytes for parameter in learnt)
    for_three = int((update_need(policy, 3, length, start).peak + lasting) / 0.8) + 1000
    for free in (2**40, for_three, 1, None):
        learner = make_learner(PPOConfig(), make_policy(), "auto")
        monkeypatch.setattr(FREE, lambda _, free=free: free)
        ends.append(learn(learner, decide))
        sizes.append(learner.state_dict()["micro_batch_size"])
    assert sizes[0] == sizes[3] == 6
    assert sizes[1] == 3
    assert sizes[2] == 1
    for end in ends:
        torch.testing.assert_close(end, ends[0], atol=1e-6, rtol=0)


def test_a_resumed_run_keeps_its_size(
    make_policy: MakePolicy, decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FREE, lambda _: 1)
    learner = make_learner(PPOConfig(), make_policy(), "auto")
    learn(learner, decide)
    monkeypatch.setattr(FREE, lambda _: 2**40)
    again = make_learner(PPOConfig(), make_policy(), "auto")
    again.load_state_dict(learner.state_dict())
    learn(again, decide)
    assert again.state_dict()["micro_batch_size"] == 1


def test_where_not_even_one_row_fits(
    make_policy: MakePolicy, decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size, error in (("auto", TrainingError), (0, torch.cuda.OutOfMemoryError)):
        policy = make_policy()
        monkeypatch.setattr(FREE, lambda _: None)
        monkeypatch.setattr(policy, "score", CannotHold(policy, 0))
        learner = make_learner(PPOConfig(), policy, size)
        with pytest.raises(error):
            learn(learner, decide)


@pytest.mark.parametrize("size", ["fit", -1, 1.5])
def test_sizes_that_are_none(size: Any) -> None:
    with pytest.raises(ConfigurationError, match="micro_batch_size="):
        PPOConfig(micro_batch_size=size)
