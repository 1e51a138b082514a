"""The knobs of PPO, checked when they are set."""

from dataclasses import dataclass

import numpy as np

from llm_game_agents.reward_shaping import REWARD_NORMS, RewardNorm
from llm_game_env.checks import check_choice
from llm_game_env.errors import ConfigurationError


@dataclass(frozen=True)
class PPOConfig:
    """Knobs of PPO for one player; defaults are those of the built-in world.

    Attributes:
        learning_rate: of AdamW for the policy, after warm-up.
        critic_learning_rate: the same for the value head.
        adam_eps: AdamW's ε. Adam scales every gradient up to the same step; where most batches
            hold nothing to learn, a value near that of a telling batch (1e-3) keeps the policy from
            wandering off on their noise before the first success.
        warmup_updates: updates over which it rises linearly from 0.
        kl_coef: price of a nat of KL to the reference, per token.
        clip_coef: ε of the clipped surrogate.
        value_clip_coef: the same for the critic.
        vf_coef: weight of the value loss.
        ent_coef: weight of the entropy bonus.
        gamma, gae_lambda: of the advantage estimate.
        update_epochs: passes over a rollout.
        num_minibatches: into which each pass is cut.
        max_grad_norm: gradients are scaled down to it.
        reward_norm: of the game's rewards, see `RewardShaper`; "none" is the algorithm as printed.
        reward_clip: the largest reward after that, in either direction; 0 for none.
        whiten_advantages: to zero mean and unit standard deviation over the rollout.
        min_advantage_std: a smaller deviation counts as this one. Where one side has won, rewards
            hardly vary; scaled up in full, the KL alone would take the policy back to its start.
    """

    learning_rate: float = 2e-4
    critic_learning_rate: float = 1e-2
    adam_eps: float = 1e-8
    warmup_updates: int = 2
    kl_coef: float = 0.02
    clip_coef: float = 0.2
    value_clip_coef: float = 0.2
    vf_coef: float = 0.1
    ent_coef: float = 0.0
    gamma: float = 1.0
    gae_lambda: float = 0.95
    update_epochs: int = 2
    num_minibatches: int = 4
    max_grad_norm: float = 1.0
    reward_norm: RewardNorm = "none"
    reward_clip: float = 0.0
    whiten_advantages: bool = True
    min_advantage_std: float = 0.2

    def __post_init__(self) -> None:
        rates = ("learning_rate", "critic_learning_rate")
        positive = (*rates, "adam_eps", "clip_coef", "value_clip_coef", "max_grad_norm")
        counts = ("update_epochs", "num_minibatches")
        others = (
            *("warmup_updates", "kl_coef", "vf_coef", "ent_coef"),
            *("reward_clip", "min_advantage_std"),
        )
        for name in (*positive, *counts, *others):
            value = getattr(self, name)
            low = 1 if name in counts else 0
            if not np.isfinite(value) or value < low or (name in positive and value == 0):
                wanted = "above 0" if name in positive else f"at least {low}"
                raise ConfigurationError(f"{name}={value!r} must be {wanted} and finite")
        for name in counts:
            if not isinstance(getattr(self, name), int):
                raise ConfigurationError(f"{name}={getattr(self, name)!r} must be a whole number")
        check_choice("reward_norm", self.reward_norm, REWARD_NORMS)
        for name in ("gamma", "gae_lambda"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"{name}={getattr(self, name)!r} must be in [0, 1]")
