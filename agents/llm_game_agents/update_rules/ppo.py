"""PPO with a critic: the update rule of GPO (Schulman et al. 2017, arXiv 1707.06347)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from llm_game_agents.policy import LanguagePolicy, TokenScores
from llm_game_agents.trajectory import Trajectory
from llm_game_agents.update_rules.advantages import gae, masked_mean, token_rewards, whiten
from llm_game_agents.update_rules.config import (
    UpdateRule,
    check_counts,
    check_finite_from,
    check_positive,
    check_shares,
)
from llm_game_agents.update_rules.learner import PolicyLearner
from llm_game_agents.update_rules.losses import clipped_value_error, explained_variance
from llm_game_agents.update_rules.protocol import Loss, Targets
from llm_game_agents.update_rules.stats import MinibatchStats, mean
from llm_game_env.errors import ConfigurationError


@dataclass(frozen=True)
class PPOConfig(UpdateRule):
    """Knobs of PPO for one player beside those of `UpdateRule`; defaults for the built-in world.

    Attributes:
        critic_learning_rate: of AdamW for the critic. The default is for a value head on the
            policy's trunk; a critic with a model of its own wants about the policy's rate.
        value_clip_coef: ε of the clipped value loss.
        vf_coef: weight of the value loss.
        critic_warmup: the first so many updates of every stage move the critic alone, so that it
            knows the game that the stage opens before the policy follows it. They count as updates,
            of the learning-rate schedule too. A head on the policy's trunk learns without the
            trunk.
        gae_lambda: of the advantage estimate.
        whiten_advantages: to zero mean and unit standard deviation over the rollout.
        min_advantage_std: a smaller deviation counts as this one. Where one side has won, rewards
            hardly vary; scaled up in full, the KL alone would take the policy back to its start.
        advantage_clip: the largest advantage after that, in either direction; 0 for none (PPO-max;
            Zheng et al. 2023, arXiv 2307.04964). What the critic learns stays as it is.
    """

    critic_learning_rate: float = 1e-2
    value_clip_coef: float = 0.2
    vf_coef: float = 0.1
    critic_warmup: int = 0
    gae_lambda: float = 0.95
    whiten_advantages: bool = True
    min_advantage_std: float = 0.2
    advantage_clip: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "critic_learning_rate", "value_clip_coef")
        check_finite_from(self, "vf_coef", 0)
        check_finite_from(self, "min_advantage_std", 0)
        check_finite_from(self, "advantage_clip", 0)
        check_shares(self, "gae_lambda")
        check_counts(self, "critic_warmup", low=0)
        if self.critic_warmup and not self.vf_coef:
            raise ConfigurationError(
                f"critic_warmup={self.critic_warmup} trains the critic alone, which vf_coef=0 "
                "leaves as it is; give a vf_coef above 0"
            )

    def make_learner(self, policy: LanguagePolicy, seed: int | Sequence[int]) -> "PPO":
        """See `UpdateRule.make_learner`."""
        return PPO(policy, self, seed)


class PPO(PolicyLearner):
    """Clipped surrogate, generalised advantages from a critic of its own, KL in the reward."""

    config: PPOConfig

    def __init__(
        self, policy: LanguagePolicy, config: PPOConfig, seed: int | Sequence[int]
    ) -> None:
        self._vf_coef = config.vf_coef
        super().__init__(policy, config, seed)

    @property
    def _critic_is_alone(self) -> bool:
        """Whether the update at hand moves the critic alone."""
        return self._stage_updates < self.config.critic_warmup

    def _held_back(self) -> list[nn.Parameter]:
        return self.policy.learnt_weights() if self._critic_is_alone else []

    def _set_learning_rate(self) -> float:
        rate = super()._set_learning_rate()
        return 0.0 if self._critic_is_alone else rate

    def _steer_kl(self, ref_kl: float) -> None:
        if not self._critic_is_alone:  # A policy that stands still does not follow a price.
            super()._steer_kl(ref_kl)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        return [
            *super()._parameter_groups(),
            {"params": self.policy.critic_weights(), "lr": self.config.critic_learning_rate},
        ]

    def _targets(self, trajectory: Trajectory) -> Targets:
        mask = trajectory.response_mask
        self._ask_critic(trajectory)
        rewards = token_rewards(
            trajectory.rewards, trajectory.logprobs, trajectory.ref_logprobs, mask, self.kl_coef
        )
        advantages, returns = gae(
            rewards,
            trajectory.values,
            mask,
            trajectory.next_row,
            trajectory.turn,
            gamma=self.config.gamma,
            gae_lambda=self.config.gae_lambda,
        )
        if self.config.whiten_advantages:
            advantages = whiten(advantages, mask, self.config.min_advantage_std)
        if bound := self.config.advantage_clip:
            advantages = advantages.clamp(-bound, bound)
        return Targets(advantages, returns)

    def _loss(self, scores: TokenScores, batch: Trajectory, targets: Targets) -> Loss:
        error = clipped_value_error(
            scores.values, batch.values, targets.returns, self.config.value_clip_coef
        )
        return super()._loss(scores, batch, targets)._replace(value=error)

    def _critic_stats(
        self, trajectory: Trajectory, targets: Targets, steps: list[MinibatchStats]
    ) -> dict[str, float]:
        mask = trajectory.response_mask
        return {
            "value_loss": mean([step.value_loss for step in steps]),
            "explained_variance": explained_variance(trajectory.values, targets.returns, mask),
        }

    @torch.no_grad()
    def _ask_critic(self, trajectory: Trajectory) -> None:
        """Fills in the critic's values."""
        head, mask = self.policy.value_head, trajectory.response_mask
        if self.num_updates == 0 and not head.weight.any():
            # A critic that starts from 0 would take its first rollouts for all good or all bad.
            head.bias.fill_(masked_mean(trajectory.rewards, mask.any(-1)))
        for rows, batch in self._pieces(trajectory):
            values = self.policy.values(batch.ids, batch.attention_mask)
            trajectory.values[rows, : batch.ids.shape[1]] = values
        self._processes.add_up(trajectory.values)
        trajectory.values.mul_(mask)
