"""Shaped rewards against numbers worked out by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from llm_game_agents.update_rules.ppo import PPOConfig
from llm_game_agents.update_rules.reward_shaping import RewardNorm, RewardShaper
from llm_game_env.errors import ConfigurationError

FIRST, SECOND = torch.tensor([1.0, 3.0]), torch.tensor([5.0, 7.0])
ALL = torch.tensor([True, True])
# Of 1, 3, 5, 7: mean 4, variance 5.
ROOT5 = 5**0.5


@pytest.mark.parametrize(
    ("norm", "clip", "first", "second"),
    [
        ("none", 0.0, [1.0, 3.0], [5.0, 7.0]),
        ("none", 2.0, [1.0, 2.0], [2.0, 2.0]),
        ("scale", 0.0, [1.0, 3.0], [5 / ROOT5, 7 / ROOT5]),
        ("running", 0.0, [-1.0, 1.0], [1 / ROOT5, 3 / ROOT5]),
        ("running", 0.5, [-0.5, 0.5], [1 / ROOT5, 0.5]),
        ("batch", 0.0, [-1.0, 1.0], [-1.0, 1.0]),
    ],
)
def test_by_hand(norm: RewardNorm, clip: float, first: list[float], second: list[float]) -> None:
    shaper = RewardShaper(norm, clip)
    assert shaper.shape(FIRST, ALL).tolist() == pytest.approx(first, abs=1e-6)
    assert shaper.shape(SECOND, ALL).tolist() == pytest.approx(second, abs=1e-6)


def test_rewards_are_untouched_bit_for_bit_by_default() -> None:
    rewards = torch.tensor(np.random.default_rng(0).normal(size=50), dtype=torch.float32)
    config = PPOConfig()
    shaped = RewardShaper(config.reward_norm, config.reward_clip).shape(rewards, rewards > 0)
    assert torch.equal(shaped, rewards)


@pytest.mark.parametrize("norm", ["scale", "running", "batch"])
def test_rows_that_are_not_learnt_from_do_not_count(norm: RewardNorm) -> None:
    counted = torch.tensor([True, False, True])
    plain, masked = RewardShaper(norm, 0.0), RewardShaper(norm, 0.0)
    expected = plain.shape(FIRST, ALL)
    found = masked.shape(torch.tensor([1.0, 1e6, 3.0]), counted)
    assert torch.equal(found[counted], expected)
    assert plain.state_dict() == masked.state_dict()
    assert torch.equal(masked.shape(FIRST, ~ALL), plain.shape(FIRST, ~ALL))


@pytest.mark.parametrize("norm", ["running", "batch"])
def test_rewards_that_never_vary_come_out_as_nothing(norm: RewardNorm) -> None:
    assert RewardShaper(norm, 0.0).shape(torch.full((3,), 0.3), torch.ones(3).bool()).tolist() == (
        pytest.approx([0.0, 0.0, 0.0], abs=1e-3)
    )


@pytest.mark.parametrize("norm", ["scale", "running"])
def test_a_saved_shaper_goes_on_exactly(norm: RewardNorm) -> None:
    whole, resumed = RewardShaper(norm, 0.0), RewardShaper(norm, 0.0)
    whole.shape(FIRST, ALL)
    resumed.load_state_dict(whole.state_dict())
    assert torch.equal(whole.shape(SECOND, ALL), resumed.shape(SECOND, ALL))
    assert whole.state_dict() == resumed.state_dict()


@pytest.mark.parametrize(
    "knob", [{"reward_norm": "zscore"}, {"reward_clip": -1.0}, {"reward_clip": float("inf")}]
)
def test_other_settings_are_refused(knob: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(knob))):
        replace(PPOConfig(), **knob)
