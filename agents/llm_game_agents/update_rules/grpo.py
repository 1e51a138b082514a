"""GRPO: PPO without a critic, each answer measured by its group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from llm_game_agents.policy import LanguagePolicy, TokenScores
from llm_game_agents.trajectory import Trajectory
from llm_game_agents.update_rules.advantages import group_means, group_sizes, rewards_to_go
from llm_game_agents.update_rules.config import UpdateRule, check_counts, check_finite_from
from llm_game_agents.update_rules.learner import PolicyLearner
from llm_game_agents.update_rules.losses import k3
from llm_game_agents.update_rules.protocol import Loss, Targets
from llm_game_env.checks import check_choice

TokenWeights = Literal["sequence", "token"]
LEAST_STD = 1e-4


@dataclass(frozen=True)
class GRPOConfig(UpdateRule):
    """Knobs of GRPO for one player beside those of `UpdateRule`.

    Attributes:
        group_size: G, games that start alike: the adversary from one seed prompt, the defender
            from one prompt.
        scale_advantages: whether they are divided by the group's deviation; without, groups whose
            rewards hardly differ count little (Dr. GRPO; Liu et al. 2025, arXiv 2503.20783).
        min_advantage_std: a smaller deviation of a group counts as this one; 0 is GRPO as printed.
            Where most groups hold no success, the rewards of a learned model still differ a
            little; scaled up in full, their noise drowns the few groups that do hold one.
        token_weights: "sequence" averages over the tokens of an answer and then over answers, as
            printed; "token" over all tokens, so that a long answer counts for more.
    """

    group_size: int = 8  # pyright: ignore[reportIncompatibleVariableOverride] - a knob here
    scale_advantages: bool = True
    min_advantage_std: float = 0.0
    token_weights: TokenWeights = "sequence"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, "group_size", low=2)
        check_finite_from(self, "min_advantage_std", 0)
        check_choice("token_weights", self.token_weights, get_args(TokenWeights))

    def make_learner(self, policy: LanguagePolicy, seed: int | Sequence[int]) -> "GRPO":
        """See `UpdateRule.make_learner`."""
        return GRPO(policy, self, seed)


class GRPO(PolicyLearner):
    """Shao et al. 2024 (arXiv 2402.03300), equation 3, with outcome rewards.

    A = (R - mean R) / std R over the group, the same for every token of an answer; the deviation is
    a sample's, over G - 1, as in TRL. The KL to the reference is in the loss, by the k3 estimator.
    In a game of several turns R is what is earned from that turn on, and an answer is measured by
    those of the group in the same turn.
    """

    config: GRPOConfig

    def _targets(self, trajectory: Trajectory) -> Targets:
        learnt_from = trajectory.response_mask.any(-1)
        earned = rewards_to_go(
            trajectory.rewards, trajectory.next_row, trajectory.turn, self.config.gamma
        )
        others = trajectory.group, trajectory.turn, learnt_from
        centred = earned - group_means(earned, *others)
        if self.config.scale_advantages:
            sizes = group_sizes(*others)
            variance = group_means(centred**2, *others) * sizes / (sizes - 1).clamp(min=1)
            std = variance.sqrt().clamp(min=self.config.min_advantage_std)
            centred = centred / (std + LEAST_STD)
        advantages = centred[:, None] * trajectory.response_mask
        return Targets(advantages, torch.zeros_like(advantages))

    def _loss(self, scores: TokenScores, batch: Trajectory, targets: Targets) -> Loss:
        loss = super()._loss(scores, batch, targets)
        kl = k3(scores.logprobs, batch.ref_logprobs, batch.response_mask)
        return loss._replace(policy=loss.policy + self.kl_coef * kl)

    def _weights(self, batch: Trajectory) -> tuple[torch.Tensor, torch.Tensor]:
        if self.config.token_weights == "token":
            return super()._weights(batch)
        mask = batch.response_mask
        lengths = mask.sum(-1, keepdim=True).clamp(min=1)
        return mask / lengths, mask.any(-1).sum().clamp(min=1)
