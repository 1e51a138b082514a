"""RLOO: REINFORCE with the other answers of the group as the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Trajectory
from llm_game_agents.update_rules.advantages import group_means, group_sizes, rewards_to_go
from llm_game_agents.update_rules.config import UpdateRule, check_counts
from llm_game_agents.update_rules.learner import PolicyLearner
from llm_game_agents.update_rules.protocol import Targets


@dataclass(frozen=True)
class RLOOConfig(UpdateRule):
    """Knobs of RLOO for one player beside those of `UpdateRule`.

    With one epoch and one minibatch the clipped surrogate's gradient is REINFORCE's; more of either
    reuse a rollout as PPO does.

    Attributes:
        group_size: G, games that start alike, see `GRPOConfig`.
    """

    group_size: int = 4  # pyright: ignore[reportIncompatibleVariableOverride] - a knob here
    update_epochs: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, "group_size", low=2)

    def make_learner(self, policy: LanguagePolicy, seed: int | Sequence[int]) -> "RLOO":
        """See `UpdateRule.make_learner`."""
        return RLOO(policy, self, seed)


class RLOO(PolicyLearner):
    """Ahmadian et al. 2024 (arXiv 2402.14740), section 3: A_i = R_i - mean of R_j, j ≠ i.

    R = r - kl_coef · Σ_t (log π - log π_ref), a whole answer as one action. In a game of several
    turns R is what is earned from that turn on; where an answer has no others, A is 0.
    """

    config: RLOOConfig

    def _targets(self, trajectory: Trajectory) -> Targets:
        mask = trajectory.response_mask
        log_ratio = ((trajectory.logprobs - trajectory.ref_logprobs) * mask).sum(-1)
        earned = rewards_to_go(
            trajectory.rewards - self.kl_coef * log_ratio,
            trajectory.next_row,
            trajectory.turn,
            self.config.gamma,
        )
        learnt_from, group, turn = mask.any(-1), trajectory.group, trajectory.turn
        sizes = group_sizes(group, turn, learnt_from)
        # R_i - (G·mean - R_i) / (G - 1) = (R_i - mean) · G / (G - 1)
        centred = earned - group_means(earned, group, turn, learnt_from)
        advantages = (centred * sizes / (sizes - 1).clamp(min=1))[:, None] * mask
        return Targets(advantages, torch.zeros_like(advantages))
