"""A Stable-Baselines3 policy as the policy of a `TokenPlayer`."""

import io
from inspect import signature
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy

from llm_game_env.adapters.token_player import TokenPolicy
from llm_game_env.errors import ConfigurationError


def frozen_policy(model: BaseAlgorithm, *, deterministic: bool = False) -> TokenPolicy:
    """A frozen copy of a model's policy, which later training does not change.

    `model.predict` would do, were its draws not torch's global generator's: games against it
    would not be those of their seed.

    Args:
        model: PPO or A2C, or sb3-contrib's MaskablePPO, whose masks are then kept.
        deterministic: take the likeliest token in place of a drawn one.

    Raises:
        ConfigurationError: the model has no stochastic policy.
    """
    policy: Any = _copied(model.policy)
    if not hasattr(policy, "get_distribution"):
        raise ConfigurationError(
            f"model={model!r} has no distribution over tokens; give a PPO, an A2C or a MaskablePPO"
        )
    masked = "action_masks" in signature(policy.get_distribution).parameters
    policy.set_training_mode(False)

    def choose(observations: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
        tensors, _ = policy.obs_to_tensor(observations)
        masks = {"action_masks": observations["action_mask"].astype(bool)} if masked else {}
        with torch.no_grad():
            chances = policy.get_distribution(tensors, **masks).distribution.probs.cpu().numpy()
        if deterministic:
            return chances.argmax(axis=1)
        cumulated = chances.cumsum(axis=1, dtype=np.float64)
        draws = rng.random((len(cumulated), 1)) * cumulated[:, -1:]
        return (draws < cumulated).argmax(axis=1)

    return choose


def _copied(policy: BasePolicy) -> BasePolicy:
    # Saved and loaded: `deepcopy` fails on a policy that holds the graph of its last update.
    saved = io.BytesIO()
    policy.save(saved)  # pyright: ignore[reportArgumentType] - torch.save takes files too
    saved.seek(0)
    return type(policy).load(saved)  # pyright: ignore[reportArgumentType]
