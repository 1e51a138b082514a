"""Gradients of a rule's loss: a minibatch in portions, on all processes."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn

from llm_game_agents.policy import LanguagePolicy, TokenScores
from llm_game_agents.processes import ALONE, Processes, Replica
from llm_game_agents.trajectory import Trajectory
from llm_game_agents.update_rules.config import UpdateRule
from llm_game_agents.update_rules.learnt import Learnt
from llm_game_agents.update_rules.losses import clipped_surrogate, k3, left_clip_range
from llm_game_agents.update_rules.micro_batches import MicroBatches
from llm_game_agents.update_rules.portions import portions
from llm_game_agents.update_rules.pretraining import PretrainingTexts, TextBatch, backward_texts
from llm_game_agents.update_rules.protocol import Loss, Targets
from llm_game_agents.update_rules.stats import MinibatchStats


class LossGradients:
    """The half of a learner that goes through the model with gradients.

    A rule supplies `_loss` where the clipped surrogate is not all of it, `_weights` where tokens do
    not count alike, and `_parameter_groups` and `_vf_coef` where it has a critic.

    Args:
        policy: whose weights get gradients.
        config: the rule's knobs.
        seed: of the texts that are drawn, and of whatever else the learner draws.
    """

    _vf_coef = 0.0  # Weight of the critic's loss; rules with a critic set it.

    def __init__(
        self, policy: LanguagePolicy, config: UpdateRule, seed: int | Sequence[int]
    ) -> None:
        self.policy = policy
        self.config = config
        groups = self._parameter_groups()
        self._peaks = [group["lr"] for group in groups]
        self._parameters = [parameter for group in groups for parameter in group["params"]]
        self._optimizer = torch.optim.AdamW(
            groups, weight_decay=0.0, eps=config.adam_eps, fused=True
        )
        self._processes: Processes = ALONE
        self._replica = Replica(policy.score, self._optimizer)
        self._rng = np.random.default_rng(seed)
        self._micro_batches = MicroBatches(config.micro_batch_size)
        texts = config.ptx_texts
        self._texts = PretrainingTexts(texts, policy.player) if texts else None

    def _loss(self, scores: TokenScores, batch: Trajectory, targets: Targets) -> Loss:
        """Of a minibatch; the clipped surrogate alone by default."""
        mask = batch.response_mask
        surrogate = clipped_surrogate(
            scores.logprobs, batch.logprobs, targets.advantages, mask, self.config.clip_coef
        )
        return Loss(surrogate, torch.zeros_like(surrogate))

    def _weights(self, batch: Trajectory) -> tuple[torch.Tensor, torch.Tensor]:
        """What a token's loss counts, float [B, T], and what the sum is divided by.

        By default every token of the minibatch counts alike.
        """
        mask = batch.response_mask
        return mask.float(), mask.sum().clamp(min=1)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """What is learnt, and at which learning rate once it has risen."""
        return [{"params": self.policy.learnt_weights(), "lr": self.config.learning_rate}]

    def join(self, processes: Processes) -> None:
        """See `Learner.join`."""
        self._processes = processes

    def _held_back(self) -> list[nn.Parameter]:
        """What the update at hand leaves as it is, of what is learnt."""
        return []

    def _replicate(self) -> None:
        """From the first update on gradients are those of all processes."""
        if self._processes.count > 1 and not isinstance(self._replica.module, nn.Module):
            learnt = Learnt(self.policy, self._parameters)
            self._replica = self._processes.replicate(learnt, self._optimizer)
            self._optimizer, self._parameters = self._replica.optimizer, self._replica.parameters

    def _gradients(
        self,
        trajectory: Trajectory,
        targets: Targets,
        rows: torch.Tensor,
        texts: TextBatch | None,
    ) -> MinibatchStats:
        """Gradients of a minibatch, clipped; a norm that is not finite says that they are none."""
        batch = trajectory.take(rows)
        width = batch.ids.shape[1]
        own = Targets(*(part[rows, :width] for part in targets))
        weights, divisor = self._weights(batch)
        num_tokens = batch.response_mask.sum().clamp(min=1)
        self._optimizer.zero_grad()
        with self._exchanging_gradients(False):
            text_loss = self._backward_texts(texts)  # The same on every process.
        shares: list[tuple[float, ...]] = []
        for portion in portions(batch, own, weights, self._micro_batches.size, self._processes):
            with self._exchanging_gradients(portion.is_last):
                shares.append(
                    self._backward(
                        portion.batch, portion.targets, portion.weights, divisor, num_tokens
                    )
                )
        for parameter in self._replica.learning(self._held_back()):
            parameter.grad = None  # The optimiser passes over it, its moments included.
        grad_norm = self._clip_gradients()
        everyones = [share for one in self._processes.gathered(lambda: shares) for share in one]
        loss, value_loss, entropy, kl, outside, ratio_errors = zip(*everyones, strict=True)
        return MinibatchStats(
            policy_loss=sum(loss),
            value_loss=sum(value_loss),
            entropy=sum(entropy),
            approx_kl=sum(kl),
            clipfrac=sum(outside),
            ratio_error=max(ratio_errors),
            grad_norm=float(grad_norm),
            text_loss=text_loss,
        )

    def _exchanging_gradients(self, wanted: bool) -> AbstractContextManager[Any]:
        """Whether passes within give the gradients of all processes, or this one's alone."""
        return nullcontext() if wanted else self._processes.keeping_gradients(self._replica.module)

    def _clip_gradients(self) -> torch.Tensor:
        """Scales the gradients down to `max_grad_norm`; returns their norm before that.

        A critic with a model of its own is scaled by itself, so that it cannot slow the policy.
        """
        if self.policy.critic is None:
            return nn.utils.clip_grad_norm_(self._parameters, self.config.max_grad_norm)
        groups = [group["params"] for group in self._optimizer.param_groups]
        norms = [nn.utils.clip_grad_norm_(own, self.config.max_grad_norm) for own in groups]
        # Of a group without gradients, as in a critic's warm-up, the norm is a number on the CPU.
        return torch.stack([norm.to(self.policy.value_head.weight.device) for norm in norms]).norm()

    def _backward(
        self,
        batch: Trajectory,
        targets: Targets,
        weights: torch.Tensor,
        divisor: torch.Tensor,
        num_tokens: torch.Tensor,
    ) -> tuple[float, ...]:
        """Adds the gradient of some rows; returns their share of the statistics, in order."""
        config, mask, width = self.config, batch.response_mask, batch.ids.shape[1]
        scores = self._replica.module(
            batch.ids, batch.attention_mask, batch.first_response_column, config.ent_coef > 0
        )
        loss = self._loss(scores, batch, Targets(*(part[:, :width] for part in targets)))
        policy_loss = (loss.policy * weights[:, :width]).sum() / divisor
        value_loss = 0.5 * (loss.value * mask).sum() / num_tokens
        entropy = (scores.entropy * mask).sum() / num_tokens
        total = policy_loss + self._vf_coef * value_loss - config.ent_coef * entropy
        # Processes average their gradients; of a minibatch that they share, the sum is wanted.
        with self.policy.computing.backward_products():
            (total * self._processes.count).backward()
        with torch.no_grad():
            kl = k3(batch.logprobs, scores.logprobs, mask)
            outside = left_clip_range(scores.logprobs, batch.logprobs, mask, config.clip_coef)
            ratio = torch.exp((scores.logprobs - batch.logprobs) * mask)
            return (
                float(policy_loss),
                float(value_loss),
                float(entropy),
                float((kl * mask).sum() / num_tokens),
                float((outside * mask).sum() / num_tokens),
                float((ratio - 1.0).abs().max()),
            )

    def _draw_texts(self) -> TextBatch | None:
        """Those of one minibatch; None where none are to stay likely."""
        if self._texts is None:
            return None
        drawn = self._texts.draw(self.config.ptx_batch_size, self._rng)
        return TextBatch(*(part.to(self.policy.value_head.weight.device) for part in drawn))

    def _backward_texts(self, batch: TextBatch | None) -> float:
        """Adds the gradient of the texts that are to stay likely; returns their loss."""
        if batch is None:
            return 0.0
        score, coef = self._replica.module, self.config.ptx_coef
        return backward_texts(score, batch, coef, self._micro_batches.size)
