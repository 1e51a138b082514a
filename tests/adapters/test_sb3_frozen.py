"""A Stable-Baselines3 policy as the policy of a token player."""

from typing import Any

import numpy as np
import pytest
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3 import A2C, DQN, PPO

from llm_game_env import red_team_v0
from llm_game_env.adapters import TokenFeatures, frozen_policy
from llm_game_env.errors import ConfigurationError

FEATURES = {"policy_kwargs": {"features_extractor_class": TokenFeatures}, "n_steps": 8, "seed": 1}


@pytest.fixture
def env(seat: dict[str, Any]) -> Any:
    legal = {"adversary_0": ["the cat", "no", "a joke"]}
    games = red_team_v0.sb3_vec_env(
        64, agent="adversary_0", **seat, action_mask=legal, illegal="end_message"
    )
    games.seed(0)
    return games


def test_later_training_does_not_change_it(env: Any) -> None:
    model = PPO("MultiInputPolicy", env, batch_size=256, learning_rate=1e-2, **FEATURES)
    model.learn(512)  # A policy that has been trained is copied, too.
    seen = env.reset()
    frozen = frozen_policy(model)
    before = frozen(seen, np.random.default_rng(0))
    assert np.array_equal(before, frozen_policy(model)(seen, np.random.default_rng(0)))
    likeliest = frozen_policy(model, deterministic=True)(seen, np.random.default_rng(0))
    assert np.array_equal(likeliest, model.predict(seen, deterministic=True)[0])
    model.learn(1024)
    assert np.array_equal(before, frozen(seen, np.random.default_rng(0)))
    assert not np.array_equal(before, frozen_policy(model)(seen, np.random.default_rng(0)))


@pytest.mark.parametrize("kind", [PPO, A2C, MaskablePPO])
def test_it_draws_from_the_given_generator_alone(env: Any, kind: Any) -> None:
    policy = frozen_policy(kind("MultiInputPolicy", env, **FEATURES))
    seen = env.reset()
    torch_before, numpy_before = torch.get_rng_state(), str(np.random.get_state())
    first, again = (policy(seen, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, policy(seen, np.random.default_rng(6)))
    assert torch.equal(torch_before, torch.get_rng_state())
    assert str(np.random.get_state()) == numpy_before


def test_it_draws_as_its_distribution_says(env: Any) -> None:
    model: Any = PPO("MultiInputPolicy", env, **FEATURES)
    seen = {key: array[:1] for key, array in env.reset().items()}
    tensors, _ = model.policy.obs_to_tensor(seen)
    with torch.no_grad():
        chances = model.policy.get_distribution(tensors).distribution.probs[0].numpy()
    many = {key: array.repeat(20_000, axis=0) for key, array in seen.items()}
    drawn = frozen_policy(model)(many, np.random.default_rng(0))
    shares = np.bincount(drawn, minlength=23) / 20_000
    # Five standard deviations of a share.
    assert np.all(np.abs(shares - chances) < 5 * np.sqrt(chances * (1 - chances) / 20_000))


def test_masks_are_kept(env: Any) -> None:
    masked = frozen_policy(MaskablePPO("MultiInputPolicy", env, **FEATURES))
    unmasked = frozen_policy(PPO("MultiInputPolicy", env, **FEATURES))
    seen, rng = env.reset(), np.random.default_rng(0)
    rows = np.arange(64)
    assert seen["action_mask"][rows, masked(seen, rng)].all()
    assert not seen["action_mask"][rows, unmasked(seen, rng)].all()


def test_a_model_without_a_distribution_is_refused(env: Any) -> None:
    model = DQN("MultiInputPolicy", env, buffer_size=10)
    with pytest.raises(ConfigurationError, match="no distribution over tokens"):
        frozen_policy(model)
