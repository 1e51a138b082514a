"""What is earned on a turn that is not learnt from, by hand, in every rule."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Decision
from llm_game_agents.update_rules import (
    GRPOConfig,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    UpdateRule,
)
from llm_game_agents.update_rules.advantages import fold_unlearnt
from llm_game_env.players.causal_lm import Completion

MakePolicy = Callable[..., LanguagePolicy]
# Game 0 earns 1, 4 on a turn that is not learnt from, and 2; game 1 earns -1 and is over.
GAMES = [(0, 0, 1.0, True), (0, 1, 4.0, False), (0, 2, 2.0, True), (1, 0, -1.0, True)]


def decisions(games: Sequence[tuple[int, int, float, bool]]) -> list[Decision]:
    """Of one token each: game, turn, reward, valid."""
    return [
        Decision(Completion("", [5], [6], [-1.0], "eos"), game, turn, reward, valid)
        for game, turn, reward, valid in games
    ]


def advantages(
    rule: UpdateRule, policy: LanguagePolicy, games: Sequence[tuple[int, int, float, bool]]
) -> list[float]:
    """Of the one token of each decision."""
    learner: Any = rule.make_learner(policy, 0)
    return learner._targets(learner._prepare(decisions(games))).advantages[:, 1].tolist()


# In turn 0 the games earn 1 + 4 + γ · 2 and -1, in turn 2 game 0 alone plays.
# The critic starts from the mean reward of what is learnt from: (5 + 2 - 1) / 3 = 2.
PPO_KNOBS: dict[str, Any] = {"gae_lambda": 1.0, "whiten_advantages": False, "kl_coef": 0.0}
BY_HAND: list[tuple[UpdateRule, list[float]]] = [
    (PPOConfig(**PPO_KNOBS), [7 - 2, 0, 2 - 2, -1 - 2]),
    (PPOConfig(**PPO_KNOBS, gamma=0.5), [6 - 2, 0, 2 - 2, -1 - 2]),
    (GRPOConfig(scale_advantages=False, kl_coef=0.0), [4, 0, 0, -4]),
    (GRPOConfig(scale_advantages=False, kl_coef=0.0, gamma=0.5), [3.5, 0, 0, -3.5]),
    (RLOOConfig(kl_coef=0.0), [8, 0, 0, -8]),
    (RLOOConfig(kl_coef=0.0, gamma=0.5), [7, 0, 0, -7]),
    # 7, 2 and -1: mean 8/3, deviation √(98/9); 6, 2 and -1: mean 7/3, deviation √(74/9).
    (ReinforceConfig(kl_coef=0.0), [13 / 98**0.5, 0, -2 / 98**0.5, -11 / 98**0.5]),
    (ReinforceConfig(kl_coef=0.0, gamma=0.5), [11 / 74**0.5, 0, -1 / 74**0.5, -10 / 74**0.5]),
]


@pytest.mark.parametrize(("rule", "expected"), BY_HAND)
def test_it_counts_for_the_turns_before(
    rule: UpdateRule, expected: list[float], make_policy: MakePolicy
) -> None:
    assert advantages(rule, make_policy(), GAMES) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("rule", [rule for rule, _ in BY_HAND])
def test_what_comes_before_the_first_turn_learnt_from_is_nobodys(
    rule: UpdateRule, make_policy: MakePolicy
) -> None:
    plain = [(0, 0, 1.0, True), (1, 0, -1.0, True)]
    after = [(0, 0, 90.0, False), (0, 1, 1.0, True), (1, 0, 70.0, False), (1, 1, -1.0, True)]
    expected = advantages(rule, make_policy(), plain)
    assert advantages(rule, make_policy(), after)[1::2] == pytest.approx(expected, abs=1e-6)


def test_several_of_them_in_a_row_and_at_the_end() -> None:
    # One game: turns 0 and 3 are learnt from, the rows are in another order.
    turn = torch.tensor([3, 0, 4, 1, 2])
    rewards, next_row = fold_unlearnt(
        torch.tensor([8.0, 1.0, 16.0, 2.0, 4.0]),
        torch.tensor([True, True, False, False, False]),
        torch.tensor([2, 3, -1, 4, 0]),
        turn,
    )
    assert rewards[:2].tolist() == [8.0 + 16.0, 1.0 + 2.0 + 4.0]
    assert next_row[:2].tolist() == [-1, 0]


def test_rewards_are_shaped_before(make_policy: MakePolicy) -> None:
    # Clipped to 1 each, turn by turn: 1 + 1 and then 1, against -1.
    rule = RLOOConfig(kl_coef=0.0, reward_clip=1.0)
    assert advantages(rule, make_policy(), GAMES) == pytest.approx([4, 0, 0, -4])
