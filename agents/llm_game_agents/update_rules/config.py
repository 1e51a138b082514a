"""The knobs that every update rule has."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np

from llm_game_agents.recorded import Recorded
from llm_game_agents.update_rules.reward_shaping import REWARD_NORMS, RewardNorm
from llm_game_env.checks import check_choice
from llm_game_env.errors import ConfigurationError

if TYPE_CHECKING:
    from llm_game_agents.policy import LanguagePolicy
    from llm_game_agents.update_rules.protocol import Learner

Decay = Literal["constant", "inverse_sqrt"]


@dataclass(frozen=True)
class UpdateRule(Recorded, ABC):
    """How one policy learns from what it did; a configuration that makes the learner.

    A new rule is a subclass with its knobs and `make_learner`.

    Attributes:
        learning_rate: of AdamW for the policy, after warm-up.
        adam_eps: AdamW's ε. Adam scales every gradient up to the same step; where most batches
            hold nothing to learn, a value near that of a telling batch (1e-3) keeps the policy from
            wandering off on their noise before the first success.
        warmup_updates: updates over which the learning rate rises linearly from 0.
        decay: of the learning rate after that: "inverse_sqrt" divides it by the square root of
            (this update, from 1) / (`warmup_updates` + 1), the first at the full rate.
        kl_coef: price of a nat of KL to the reference, per token.
        kl_target: nats a token that the price is steered to; 0 leaves it as it is. After each
            update it is multiplied by 1 + 0.1 · clip(KL / target - 1, ±0.2) (Ziegler et al. 2019,
            arXiv 1909.08593, section 2.2).
        clip_coef: ε of the clipped surrogate.
        ent_coef: weight of the entropy bonus.
        gamma: discount of what is earned later in a game.
        update_epochs: passes over a rollout.
        num_minibatches: into which each pass is cut.
        micro_batch_size: rows that go through the model at once; 0 for a whole minibatch; "auto"
            for as many as the device has room for when learning begins, halved where they are too
            many after all. It changes memory and time alone.
        target_kl: nats a token; a minibatch whose KL from the policy that sampled is above it ends
            the update before its step. 0 for no such limit.
        max_grad_norm: gradients are scaled down to it.
        max_skipped: a minibatch whose loss or gradient is not finite is skipped; this many in a
            row end the run.
        ptx_coef: weight of -log π, in nats a token, of texts that are to stay likely (PPO-ptx;
            Ouyang et al. 2022, arXiv 2203.02155, section 3.5); 0 for none.
        ptx_texts: the file of these texts, see `PretrainingTexts`; read when the learner is made.
        ptx_batch_size: texts drawn for each minibatch.
        truncation_penalty: taken off the game's reward of a message that did not end by itself. It
            was cut off by its limit or the context; what comes after is never bootstrapped.
        reward_norm: of the game's rewards, see `RewardShaper`; "none" is the algorithm as printed.
        reward_clip: the largest reward after that, in either direction; 0 for none.

    Raises:
        ConfigurationError: a knob is out of range.
    """

    group_size: ClassVar[int] = 1
    """How many games of a batch start alike, so that what came of them can be compared."""

    learning_rate: float = 2e-4
    adam_eps: float = 1e-8
    warmup_updates: int = 2
    decay: Decay = "constant"
    kl_coef: float = 0.02
    kl_target: float = 0.0
    clip_coef: float = 0.2
    ent_coef: float = 0.0
    gamma: float = 1.0
    update_epochs: int = 2
    num_minibatches: int = 4
    micro_batch_size: int | Literal["auto"] = 0
    target_kl: float = 0.0
    max_grad_norm: float = 1.0
    max_skipped: int = 3
    ptx_coef: float = 0.0
    ptx_texts: str = ""
    ptx_batch_size: int = 8
    truncation_penalty: float = 0.0
    reward_norm: RewardNorm = "none"
    reward_clip: float = 0.0

    @abstractmethod
    def make_learner(self, policy: "LanguagePolicy", seed: int | Sequence[int]) -> "Learner":
        """What updates this policy; the seed is that of the order of the minibatches."""

    def __post_init__(self) -> None:
        check_positive(self, "learning_rate", "adam_eps", "clip_coef", "max_grad_norm")
        check_counts(self, "update_epochs", "num_minibatches", "max_skipped", "ptx_batch_size")
        check_counts(self, "warmup_updates", low=0)
        if isinstance(self.micro_batch_size, str):
            check_choice("micro_batch_size", self.micro_batch_size, ("auto",))
        else:
            check_counts(self, "micro_batch_size", low=0)
        for name in ("kl_coef", "kl_target", "ent_coef", "target_kl", "reward_clip"):
            check_finite_from(self, name, 0)
        check_finite_from(self, "truncation_penalty", 0)
        check_finite_from(self, "ptx_coef", 0)
        check_choice("decay", self.decay, get_args(Decay))
        check_choice("reward_norm", self.reward_norm, REWARD_NORMS)
        check_shares(self, "gamma")
        if self.kl_target and not self.kl_coef:
            raise ConfigurationError(
                f"kl_target={self.kl_target!r} steers kl_coef by factors, which leave a price of 0 "
                "as it is; give a kl_coef above 0"
            )
        if bool(self.ptx_coef) != bool(self.ptx_texts):
            raise ConfigurationError(
                f"ptx_coef={self.ptx_coef!r} with ptx_texts={self.ptx_texts!r}: give both, a "
                "weight above 0 and a file, or neither"
            )


def check_positive(rule: UpdateRule, *names: str) -> None:
    """Refuses what is not above 0 and finite."""
    for name in names:
        value = getattr(rule, name)
        if not np.isfinite(value) or value <= 0:
            raise ConfigurationError(f"{name}={value!r} must be above 0 and finite")


def check_finite_from(rule: UpdateRule, name: str, low: float) -> None:
    """Refuses what is below `low` or not finite."""
    value = getattr(rule, name)
    if not np.isfinite(value) or value < low:
        raise ConfigurationError(f"{name}={value!r} must be at least {low} and finite")


def check_counts(rule: UpdateRule, *names: str, low: int = 1) -> None:
    """Refuses what is no whole number of at least `low`."""
    for name in names:
        check_finite_from(rule, name, low)
        if not isinstance(getattr(rule, name), int):
            raise ConfigurationError(f"{name}={getattr(rule, name)!r} must be a whole number")


def check_shares(rule: UpdateRule, *names: str) -> None:
    """Refuses what is not in [0, 1]."""
    for name in names:
        if not 0 <= getattr(rule, name) <= 1:
            raise ConfigurationError(f"{name}={getattr(rule, name)!r} must be in [0, 1]")
