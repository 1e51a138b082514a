"""PPO on one player's trajectory: the update rule of GPO.

One optimiser, one learning-rate schedule and one critic a player; they step on the player's own
updates only, and keep their moments while the other player learns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from llm_game_agents.advantages import gae, masked_mean, token_rewards, whiten
from llm_game_agents.losses import (
    approximate_kl,
    clip_fraction,
    explained_variance,
    policy_loss,
    value_loss,
)
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.ppo_config import PPOConfig
from llm_game_agents.reward_shaping import RewardShaper
from llm_game_agents.trajectory import Decision, Trajectory, pack
from llm_game_env.errors import TrainingError


@dataclass(frozen=True)
class PPOStats:
    """What one update did; means over minibatches unless said otherwise.

    Attributes:
        policy_loss, value_loss, entropy: entropy in nats a token.
        approx_kl: k3 estimate of the KL from the policy that sampled.
        clipfrac: share of tokens outside the clip range.
        explained_variance: of the critic, before the update.
        ref_kl: mean log π - log π_ref a sampled token, before the update.
        grad_norm: before clipping.
        learning_rate: of this update.
        reward: mean of the game's rewards to the decisions learnt from, as the game gave them.
        shaped_reward: the same after `RewardShaper`, without the price of KL.
        first_ratio_error: largest |ρ - 1| in the first minibatch: 0 but for rounding.
    """

    policy_loss: float
    value_loss: float
    entropy: float
    approx_kl: float
    clipfrac: float
    explained_variance: float
    ref_kl: float
    grad_norm: float
    learning_rate: float
    reward: float
    shaped_reward: float
    first_ratio_error: float


class PPO:
    """Learns one policy.

    Args:
        policy: updated in place.
        config: see `PPOConfig`.
        seed: of the order of the minibatches.
    """

    def __init__(
        self, policy: LanguagePolicy, config: PPOConfig, seed: int | Sequence[int]
    ) -> None:
        self.policy = policy
        self.config = config
        self._parameters = [*policy.model.parameters(), *policy.value_head.parameters()]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": list(policy.model.parameters()), "lr": config.learning_rate},
                {"params": list(policy.value_head.parameters()), "lr": config.critic_learning_rate},
            ],
            weight_decay=0.0,
            eps=config.adam_eps,
            fused=True,
        )
        self._shaper = RewardShaper(config.reward_norm, config.reward_clip)
        self._rng = np.random.default_rng(seed)
        self.num_updates = 0

    def update(self, decisions: list[Decision]) -> PPOStats:
        """One PPO update on what the policy did in a rollout.

        Raises:
            TrainingError: a gradient is not finite; the weights are those before its minibatch.
        """
        config = self.config
        trajectory = self._prepare(decisions)
        mask = trajectory.response_mask
        learnt_from = mask.any(-1)
        raw_reward = masked_mean(torch.tensor([d.reward for d in decisions]), learnt_from.cpu())
        rewards = token_rewards(
            trajectory.rewards,
            trajectory.logprobs,
            trajectory.ref_logprobs,
            mask,
            config.kl_coef,
        )
        advantages, returns = gae(
            rewards,
            trajectory.values,
            mask,
            trajectory.next_row,
            trajectory.turn,
            gamma=config.gamma,
            gae_lambda=config.gae_lambda,
        )
        if config.whiten_advantages:
            advantages = whiten(advantages, mask, config.min_advantage_std)

        learning_rate = self._warm_up()
        steps: list[_MinibatchStats] = []
        for _ in range(config.update_epochs):
            order = torch.from_numpy(self._rng.permutation(len(trajectory)))
            for rows in order.chunk(config.num_minibatches):
                steps.append(self._step(trajectory, advantages, returns, rows.to(mask.device)))
        self.num_updates += 1
        log_ratio = trajectory.logprobs - trajectory.ref_logprobs
        return PPOStats(
            policy_loss=_mean(step.policy_loss for step in steps),
            value_loss=_mean(step.value_loss for step in steps),
            entropy=_mean(step.entropy for step in steps),
            approx_kl=_mean(step.approx_kl for step in steps),
            clipfrac=_mean(step.clipfrac for step in steps),
            explained_variance=explained_variance(trajectory.values, returns, mask),
            ref_kl=float(masked_mean(log_ratio, mask)),
            grad_norm=_mean(step.grad_norm for step in steps),
            learning_rate=learning_rate,
            reward=float(raw_reward),
            shaped_reward=float(masked_mean(trajectory.rewards, learnt_from)),
            first_ratio_error=steps[0].ratio_error,
        )

    def state_dict(self) -> dict[str, Any]:
        """Optimiser, generator, count, rewards seen; the policy's weights are saved apart."""
        return {
            "optimizer": self._optimizer.state_dict(),
            "rng": self._rng.bit_generator.state,
            "num_updates": self.num_updates,
            "rewards": self._shaper.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        self._optimizer.load_state_dict(state["optimizer"])
        self._rng.bit_generator.state = state["rng"]
        self.num_updates = state["num_updates"]
        self._shaper.load_state_dict(state["rewards"])

    @torch.no_grad()
    def _prepare(self, decisions: list[Decision]) -> Trajectory:
        policy = self.policy
        trajectory = pack(decisions, policy.player.pad_id, policy.value_head.weight.device)
        mask = trajectory.response_mask
        trajectory.rewards.copy_(self._shaper.shape(trajectory.rewards, mask.any(-1)))
        if self.num_updates == 0 and not policy.value_head.weight.any():
            # A critic that starts from 0 would take its first rollouts for all good or all bad.
            policy.value_head.bias.fill_(masked_mean(trajectory.rewards, mask.any(-1)))
        # As many rows at once as in an update, which needs more memory than this.
        for rows in torch.arange(len(trajectory)).chunk(self.config.num_minibatches):
            batch = trajectory.take(rows.to(mask.device))
            ids, attention_mask, width = batch.ids, batch.attention_mask, batch.ids.shape[1]
            start = batch.first_response_column
            trajectory.values[rows, :width] = policy.values(ids, attention_mask)
            trajectory.ref_logprobs[rows, :width] = policy.reference_logprobs(
                ids, attention_mask, start
            )
        trajectory.values.mul_(mask)
        trajectory.ref_logprobs.mul_(mask)
        return trajectory

    def _warm_up(self) -> float:
        risen = (self.num_updates + 1) / (self.config.warmup_updates + 1)
        peaks = (self.config.learning_rate, self.config.critic_learning_rate)
        for group, peak in zip(self._optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * min(1.0, risen)
        return self._optimizer.param_groups[0]["lr"]

    def _step(
        self,
        trajectory: Trajectory,
        advantages: torch.Tensor,
        returns: torch.Tensor,
        rows: torch.Tensor,
    ) -> "_MinibatchStats":
        config = self.config
        batch = trajectory.take(rows)
        width = batch.ids.shape[1]
        mask = batch.response_mask
        scores = self.policy.score(batch.ids, batch.attention_mask, batch.first_response_column)
        loss_policy = policy_loss(
            scores.logprobs, batch.logprobs, advantages[rows, :width], mask, config.clip_coef
        )
        loss_value = value_loss(
            scores.values, batch.values, returns[rows, :width], mask, config.value_clip_coef
        )
        entropy = masked_mean(scores.entropy, mask)
        loss = loss_policy + config.vf_coef * loss_value - config.ent_coef * entropy
        self._optimizer.zero_grad()
        loss.backward()
        grad_norm = nn.utils.clip_grad_norm_(self._parameters, config.max_grad_norm)
        if not torch.isfinite(grad_norm):
            raise TrainingError(
                f"the gradient is {grad_norm.item()} (policy loss {loss_policy.item()}, value "
                f"loss {loss_value.item()}); nothing was changed by it: lower learning_rate, or "
                "look for a reward that is out of proportion"
            )
        self._optimizer.step()
        with torch.no_grad():
            logprobs = scores.logprobs
            ratio = torch.exp((logprobs - batch.logprobs) * mask)
            return _MinibatchStats(
                policy_loss=float(loss_policy),
                value_loss=float(loss_value),
                entropy=float(entropy),
                approx_kl=float(approximate_kl(logprobs, batch.logprobs, mask)),
                clipfrac=float(clip_fraction(logprobs, batch.logprobs, mask, config.clip_coef)),
                grad_norm=float(grad_norm),
                ratio_error=float((ratio - 1.0).abs().max()),
            )


@dataclass(frozen=True)
class _MinibatchStats:
    policy_loss: float
    value_loss: float
    entropy: float
    approx_kl: float
    clipfrac: float
    grad_norm: float
    ratio_error: float


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))
