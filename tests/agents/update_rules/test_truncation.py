"""Messages that did not end by themselves: where their reward lands, and its penalty."""

from collections.abc import Callable
from typing import Any

import pytest

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Decision
from llm_game_agents.update_rules import (
    GRPOConfig,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    UpdateRule,
)
from llm_game_env.errors import ConfigurationError
from llm_game_env.players.causal_lm import Completion
from llm_game_env.players.sampling import StopReason

MakePolicy = Callable[..., LanguagePolicy]
RULES = [PPOConfig, GRPOConfig, RLOOConfig, ReinforceConfig]
STOPS: list[StopReason] = ["eos", "length", "context", "length"]


def decisions() -> list[Decision]:
    """Four of two tokens; the last is not to be learnt from."""
    return [
        Decision(Completion("", [5], [6, 7], [-1.0, -1.0], stop), i, 0, 2.0, valid=i < 3)
        for i, stop in enumerate(STOPS)
    ]


@pytest.mark.parametrize("kind", RULES)
def test_the_penalty_is_taken_off_the_games_reward(
    kind: type[UpdateRule], make_policy: MakePolicy
) -> None:
    learner: Any = kind(truncation_penalty=0.5).make_learner(make_policy(), 0)
    assert learner._prepare(decisions()).rewards.tolist() == [2.0, 1.5, 1.5, 2.0]
    learner = kind().make_learner(make_policy(), 0)
    assert learner._prepare(decisions()).rewards.tolist() == [2.0] * 4


def test_it_is_shaped_with_the_reward(make_policy: MakePolicy) -> None:
    rule = PPOConfig(truncation_penalty=0.5, reward_clip=1.75)
    learner: Any = rule.make_learner(make_policy(), 0)
    assert learner._prepare(decisions()).rewards.tolist() == [1.75, 1.5, 1.5, 1.75]


def test_the_reward_lands_on_the_last_token_and_nothing_is_bootstrapped(
    make_policy: MakePolicy,
) -> None:
    # The critic starts from the mean, (2 + 1.5 + 1.5) / 3. With λ = 0, A = r + V' - V: 0 for the
    # first token, for the last one the reward less V, whether the message ended or was cut off.
    rule = PPOConfig(truncation_penalty=0.5, kl_coef=0, gae_lambda=0, whiten_advantages=False)
    learner: Any = rule.make_learner(make_policy(), 0)
    targets = learner._targets(learner._prepare(decisions()))
    mean = 5 / 3
    expected = [[0, 0, 2 - mean], [0, 0, 1.5 - mean], [0, 0, 1.5 - mean], [0, 0, 0]]
    for mine, theirs in zip(targets.advantages.tolist(), expected, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-6)


def test_statistics_tell_the_games_reward_from_what_is_learnt(make_policy: MakePolicy) -> None:
    stats = PPOConfig(truncation_penalty=0.5).make_learner(make_policy(), 0).update(decisions())
    assert stats.reward == pytest.approx(2.0)
    assert stats.shaped_reward == pytest.approx(5 / 3)
    assert stats.truncated == pytest.approx(2 / 3)


@pytest.mark.parametrize("kind", RULES)
def test_a_bonus_is_refused(kind: type[UpdateRule]) -> None:
    with pytest.raises(ConfigurationError, match=r"truncation_penalty=-0\.1 must be at least 0"):
        kind(truncation_penalty=-0.1)
