"""Normalising the game's rewards before PPO sees them: the learner's business, never the game's."""

from typing import Any, Literal, get_args

import numpy as np
import torch
from stable_baselines3.common.running_mean_std import RunningMeanStd

RewardNorm = Literal["none", "scale", "running", "batch"]
REWARD_NORMS = get_args(RewardNorm)
_LEAST_STD = 1e-8


class RewardShaper:
    """Shapes the rewards of one player, a number a decision.

    | norm | shaped reward |
    |---|---|
    | none | r |
    | scale | r / σ of all rewards so far (reward scaling; Engstrom et al. 2020, arXiv 2005.12729) |
    | running | (r - μ) / σ of all rewards so far |
    | batch | (r - μ) / σ of the rollout |

    then clipped to ± `clip` (together the score reparametrisation of PPO-max; Zheng et al. 2023,
    arXiv 2307.04964). The rollout at hand is among "all so far". Where the deviation is 0, a
    centred reward is 0.

    Args:
        norm: see the table.
        clip: the largest shaped reward; 0 for none.
    """

    def __init__(self, norm: RewardNorm, clip: float) -> None:
        self.norm: RewardNorm = norm
        self.clip = clip
        self._seen = RunningMeanStd(epsilon=1e-8)

    def shape(self, rewards: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
        """Shaped rewards, float32 [B].

        Args:
            rewards: float32 [B], raw.
            counted: bool [B], the rows that are learnt from; the others are shaped alike, but
                do not enter the mean and the deviation.
        """
        numbers = rewards[counted].double().cpu().numpy()
        if self.norm in ("scale", "running") and len(numbers):
            self._seen.update(numbers)
        mean, std = self._moments(numbers)
        shaped = (rewards - mean) / max(std, _LEAST_STD)
        return shaped.clamp(-self.clip, self.clip) if self.clip else shaped

    def state_dict(self) -> dict[str, Any]:
        """Mean, variance and count of all rewards so far."""
        seen = self._seen
        return {"mean": float(seen.mean), "var": float(seen.var), "count": float(seen.count)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        self._seen.mean, self._seen.var = np.array(state["mean"]), np.array(state["var"])
        self._seen.count = state["count"]

    def _moments(self, numbers: np.ndarray) -> tuple[float, float]:
        """What is subtracted, and what is divided by."""
        if self.norm == "none" or not len(numbers):
            return 0.0, 1.0
        if self.norm == "batch":
            return float(numbers.mean()), float(numbers.std())
        deviation = float(np.sqrt(self._seen.var))
        return (float(self._seen.mean) if self.norm == "running" else 0.0), deviation
