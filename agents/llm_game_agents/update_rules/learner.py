"""Updating one policy from its trajectory: what all update rules share.

    decisions ─ pack, shape rewards, reference log-probabilities ─> Trajectory
      ─ `_targets` ─> advantages (and returns) ─ minibatches: `_loss`, clip, step ─> UpdateStats

A rule supplies `_targets`, and `_loss` where the clipped surrogate is not all of it. One optimiser
and one learning-rate schedule a player; they step on the player's own updates only, and keep their
moments while the other player learns.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Decision, Trajectory, pack
from llm_game_agents.update_rules.advantages import fold_unlearnt, masked_mean
from llm_game_agents.update_rules.config import UpdateRule
from llm_game_agents.update_rules.gradients import LossGradients
from llm_game_agents.update_rules.protocol import Targets
from llm_game_agents.update_rules.reward_shaping import RewardShaper
from llm_game_agents.update_rules.stats import MinibatchStats, UpdateStats, mean
from llm_game_env.errors import ConfigurationError, TrainingError


class PolicyLearner(LossGradients, ABC):
    """Learns one policy.

    Args:
        policy: updated in place.
        config: the rule's knobs.
        seed: of the order of the minibatches.
    """

    def __init__(
        self, policy: LanguagePolicy, config: UpdateRule, seed: int | Sequence[int]
    ) -> None:
        super().__init__(policy, config, seed)
        self._shaper = RewardShaper(config.reward_norm, config.reward_clip)
        self._skipped_in_a_row = 0
        self.kl_coef = config.kl_coef
        self.num_updates = self._stage_updates = 0

    @abstractmethod
    def _targets(self, trajectory: Trajectory) -> Targets:
        """Advantages from the shaped rewards."""

    def open_stage(self) -> None:
        """See `Learner.open_stage`."""
        self._stage_updates = 0

    def update(self, decisions: list[Decision]) -> UpdateStats:
        """One update on what the policy did in a rollout.

        Raises:
            TrainingError: `max_skipped` minibatches in a row had a loss or gradient that was not
                finite; the weights are those before them.
        """
        config = self.config
        self._processes.check_alike("the games", decisions)
        self._micro_batches.choose(self.policy, self._processes, *self._shape(decisions))
        trajectory = self._prepare(decisions)
        minibatches = self._minibatches(len(trajectory))
        if self.policy.computing.recomputes_logprobs:
            self._recompute_logprobs(
                trajectory, minibatches[: len(minibatches) // config.update_epochs]
            )
        mask = trajectory.response_mask
        learnt_from = mask.any(-1)
        raw_reward = masked_mean(torch.tensor([d.reward for d in decisions]), learnt_from.cpu())
        targets = self._targets(trajectory)
        self._replicate()

        learning_rate = self._set_learning_rate()
        steps: list[MinibatchStats] = []
        skipped = 0
        for rows in minibatches:
            texts = self._draw_texts()
            step = self._micro_batches.fitting(
                lambda rows=rows, texts=texts: self._gradients(
                    trajectory, targets, rows.to(mask.device), texts
                ),
                self._processes,
                len(rows),
            )
            if not math.isfinite(step.grad_norm):
                skipped += 1
                self._skip(step)
                continue
            if config.target_kl and step.approx_kl > config.target_kl:
                break
            self._optimizer.step()
            self._skipped_in_a_row = 0
            steps.append(step)
        self._replica.settle()
        self.num_updates += 1
        log_ratio = trajectory.logprobs - trajectory.ref_logprobs
        ref_kl = float(masked_mean(log_ratio, mask))
        stats = UpdateStats(
            policy_loss=mean([step.policy_loss for step in steps]),
            entropy=mean([step.entropy for step in steps]),
            approx_kl=mean([step.approx_kl for step in steps]),
            clipfrac=mean([step.clipfrac for step in steps]),
            ref_kl=ref_kl,
            kl_coef=self.kl_coef,
            grad_norm=mean([step.grad_norm for step in steps]),
            learning_rate=learning_rate,
            reward=float(raw_reward),
            shaped_reward=float(masked_mean(trajectory.rewards, learnt_from)),
            response_length=float(masked_mean(mask.sum(-1).float(), learnt_from)),
            truncated=float(masked_mean(trajectory.is_truncated.float(), learnt_from)),
            first_ratio_error=steps[0].ratio_error if steps else 0.0,
            minibatches=len(steps),
            skipped=skipped,
            text_loss=mean([step.text_loss for step in steps]) if self._texts else None,
            **self._critic_stats(trajectory, targets, steps),
        )
        if learnt_from.any():
            self._steer_kl(ref_kl)
        self._stage_updates += 1
        return stats

    def gather(self) -> None:
        """See `Learner.gather`."""
        self._replica.gather()

    def state_dict(self) -> dict[str, Any]:
        """Optimiser, generator, counts, rewards seen; the policy's weights are saved apart."""
        return {
            "optimizer": self._replica.optimizer_state(),
            "rng": self._rng.bit_generator.state,
            "num_updates": self.num_updates,
            "stage_updates": self._stage_updates,
            "kl_coef": self.kl_coef,
            "skipped_in_a_row": self._skipped_in_a_row,
            "rewards": self._shaper.state_dict(),
            "micro_batch_size": self._micro_batches.size,
            "texts": self._texts.digest if self._texts else "",
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up what `state_dict` gave.

        Raises:
            ConfigurationError: `ptx_texts` holds other texts than it did.
        """
        if self._texts and self._texts.digest != state["texts"]:
            raise ConfigurationError(
                f"ptx_texts={self.config.ptx_texts!r} holds other texts than when the run was "
                "saved; put those back"
            )
        self._optimizer.load_state_dict(state["optimizer"])
        self._rng.bit_generator.state = state["rng"]
        self.num_updates = state["num_updates"]
        self._stage_updates = state["stage_updates"]
        self.kl_coef = state["kl_coef"]
        self._skipped_in_a_row = state["skipped_in_a_row"]
        self._shaper.load_state_dict(state["rewards"])
        self._micro_batches.size = state["micro_batch_size"]

    def _critic_stats(
        self, trajectory: Trajectory, targets: Targets, steps: list[MinibatchStats]
    ) -> dict[str, float]:
        """The fields of `UpdateStats` that only rules with a critic fill."""
        return {}

    def _prepare(self, decisions: list[Decision]) -> Trajectory:
        policy = self.policy
        trajectory = pack(decisions, policy.player.pad_id, policy.value_head.weight.device)
        mask = trajectory.response_mask
        learnt_from = mask.any(-1)
        # The price of being cut off is the policy's, so it is paid where the policy learns.
        penalty = self.config.truncation_penalty * (trajectory.is_truncated & learnt_from)
        shaped = self._shaper.shape(trajectory.rewards - penalty, learnt_from)
        folded = fold_unlearnt(shaped, learnt_from, trajectory.next_row, trajectory.turn)
        trajectory.rewards.copy_(folded[0])
        trajectory.next_row.copy_(folded[1])
        for rows, batch in self._pieces(trajectory):
            trajectory.ref_logprobs[rows, : batch.ids.shape[1]] = policy.reference_logprobs(
                batch.ids, batch.attention_mask, batch.first_response_column
            )
        self._processes.add_up(trajectory.ref_logprobs)
        trajectory.ref_logprobs.mul_(mask)
        return trajectory

    @torch.no_grad()
    def _recompute_logprobs(self, trajectory: Trajectory, minibatches: list[torch.Tensor]) -> None:
        """Log-probabilities by the very forward passes of the first pass over the trajectory.

        Where arithmetic is coarse, those of the sampler differ from them by more than an update
        changes; so would those of other rows at once.
        """
        logprobs = torch.zeros_like(trajectory.logprobs)
        for minibatch in minibatches:
            own = minibatch[self._processes.own_rows(len(minibatch))].to(logprobs.device)
            for rows in own.split(self._micro_batches.of(len(own))):
                if len(rows):
                    part = trajectory.take(rows)
                    scores = self.policy.score(
                        part.ids, part.attention_mask, part.first_response_column
                    )
                    logprobs[rows, : part.ids.shape[1]] = scores.logprobs * part.response_mask
        self._processes.add_up(logprobs)
        trajectory.logprobs.copy_(logprobs)

    def _shape(self, decisions: list[Decision]) -> tuple[int, int, int]:
        """Rows of a minibatch, tokens of the longest row, and the first that any response has."""
        completions = [decision.completion for decision in decisions]
        return (
            -(-len(decisions) // self.config.num_minibatches),
            max(len(one.prompt_ids) + len(one.ids) for one in completions),
            min(len(one.prompt_ids) for one in completions),
        )

    def _pieces(self, trajectory: Trajectory) -> list[tuple[torch.Tensor, Trajectory]]:
        """This process's rows, as many at once as in an update, which needs more memory.

        What comes of them goes into zeros, to be added up over the processes.
        """
        own = self._processes.own_rows(len(trajectory))
        rows = torch.arange(len(trajectory), device=trajectory.ids.device)[own]
        size = self._micro_batches.size
        pieces = rows.split(size) if size else rows.chunk(self.config.num_minibatches)
        return [(piece, trajectory.take(piece)) for piece in pieces if len(piece)]

    def _minibatches(self, num_rows: int) -> list[torch.Tensor]:
        """The rows of every step of an update, in order."""
        chunks: list[torch.Tensor] = []
        for _ in range(self.config.update_epochs):
            order = torch.from_numpy(self._rng.permutation(num_rows))
            chunks += order.chunk(self.config.num_minibatches)
        return chunks

    def _set_learning_rate(self) -> float:
        made, warmup = self.num_updates + 1, self.config.warmup_updates
        factor = min(1.0, made / (warmup + 1))
        if self.config.decay == "inverse_sqrt":
            factor *= min(1.0, ((warmup + 1) / made) ** 0.5)
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * factor
        return self._optimizer.param_groups[0]["lr"]

    def _steer_kl(self, ref_kl: float) -> None:
        if self.config.kl_target:
            error = float(np.clip(ref_kl / self.config.kl_target - 1.0, -0.2, 0.2))
            self.kl_coef *= 1.0 + 0.1 * error

    def _skip(self, step: MinibatchStats) -> None:
        self._skipped_in_a_row += 1
        if self._skipped_in_a_row >= self.config.max_skipped:
            raise TrainingError(
                f"the gradient is {step.grad_norm} (policy loss {step.policy_loss}, value loss "
                f"{step.value_loss}, entropy {step.entropy}, text loss {step.text_loss}) in "
                f"{self._skipped_in_a_row} minibatches in a row; none of them changed "
                "anything: lower learning_rate, or look for a reward that is out of proportion"
            )
