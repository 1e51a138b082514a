"""REINFORCE++: no critic and no groups, the batch itself as the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Trajectory
from llm_game_agents.update_rules.advantages import gae, token_rewards, whiten
from llm_game_agents.update_rules.config import UpdateRule, check_finite_from
from llm_game_agents.update_rules.learner import PolicyLearner
from llm_game_agents.update_rules.protocol import Targets


@dataclass(frozen=True)
class ReinforceConfig(UpdateRule):
    """Knobs of REINFORCE++ for one player beside those of `UpdateRule`.

    Attributes:
        min_advantage_std: see `PPOConfig`.
    """

    update_epochs: int = 1
    min_advantage_std: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_finite_from(self, "min_advantage_std", 0)

    def make_learner(self, policy: LanguagePolicy, seed: int | Sequence[int]) -> "Reinforce":
        """See `UpdateRule.make_learner`."""
        return Reinforce(policy, self, seed)


class Reinforce(PolicyLearner):
    """Hu 2025 (arXiv 2501.03262), equations 6 to 8.

    The advantage of a token is what is earned from it on, the price of KL token by token included,
    normalised over all tokens of the rollout; the surrogate is PPO's.
    """

    config: ReinforceConfig

    def _targets(self, trajectory: Trajectory) -> Targets:
        mask = trajectory.response_mask
        rewards = token_rewards(
            trajectory.rewards, trajectory.logprobs, trajectory.ref_logprobs, mask, self.kl_coef
        )
        nothing = torch.zeros_like(rewards)
        # With a critic that says 0 and λ = 1, the estimator is the sum of what follows.
        earned, _ = gae(
            rewards,
            nothing,
            mask,
            trajectory.next_row,
            trajectory.turn,
            gamma=self.config.gamma,
            gae_lambda=1.0,
        )
        return Targets(whiten(earned, mask, self.config.min_advantage_std), nothing)
