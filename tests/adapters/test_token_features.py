"""A features extractor that embeds token ids."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from llm_game_env import red_team_v0
from llm_game_env.adapters import TokenFeatures
from llm_game_env.errors import ConfigurationError

V = 10  # Actions; V is padding, the reserved ids go up to V + 4.


def space_of(length: int, actions: int = V) -> spaces.Dict:
    return spaces.Dict(
        {
            "observation": spaces.Box(0, actions + 4, (length,), np.int64),
            "action_mask": spaces.Box(0, 1, (actions,), np.int8),
            "to_move": spaces.Discrete(2),
        }
    )


def seen(*dialogues: list[int], length: int = 8) -> dict[str, torch.Tensor]:
    """As Stable-Baselines3 casts it: floats, padded."""
    rows = [[*dialogue, *[V] * (length - len(dialogue))] for dialogue in dialogues]
    return {"observation": torch.tensor(rows, dtype=torch.float32)}


@pytest.fixture
def features() -> TokenFeatures:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TokenFeatures(space_of(8), features_dim=16)


def test_the_amount_of_padding_does_not_matter(features: TokenFeatures) -> None:
    longer = TokenFeatures(space_of(12), features_dim=16)
    state = features.state_dict()
    # Eight more distances than any of these dialogues has.
    distances = torch.cat([state["distances.weight"], torch.randn(4, 32)])
    longer.load_state_dict({**state, "distances.weight": distances})
    dialogues = [[13, 1, 2, 14], [13, 5]]
    assert torch.allclose(features(seen(*dialogues)), longer(seen(*dialogues, length=12)))


def test_padding_is_not_read(features: TokenFeatures) -> None:
    observations = seen([13, 1, 2, 14], [13], [13, 1, 2, 3, 4, 5, 6, 14])
    before = features(observations)
    before.sum().backward()
    assert features.tokens.weight.grad is not None
    assert features.tokens.weight.grad[V].abs().sum() == 0
    assert features.tokens.weight.grad[13].abs().sum() > 0
    with torch.no_grad():
        features.tokens.weight[V] = 100.0
    assert torch.equal(before, features(observations))


def test_ids_are_names_not_numbers(features: TokenFeatures) -> None:
    """Two ids that change places, and their embeddings with them, are the same dialogue."""
    before = features(seen([13, 1, 2, 9, 14]))
    assert not torch.allclose(before, features(seen([13, 9, 2, 1, 14])))
    with torch.no_grad():
        features.tokens.weight[[1, 9]] = features.tokens.weight[[9, 1]]
    assert torch.allclose(before, features(seen([13, 9, 2, 1, 14])))


def test_order_matters(features: TokenFeatures) -> None:
    one, other = features(seen([13, 1, 2, 14], [13, 2, 1, 14]))
    assert not torch.allclose(one, other)


def test_rows_are_read_apart_and_an_empty_one_is_finite(features: TokenFeatures) -> None:
    together = features(seen([], [13, 1], [13, 1, 2, 3, 4, 5, 6, 14]))
    assert torch.isfinite(together).all()
    assert torch.allclose(together[1], features(seen([13, 1]))[0], atol=1e-6)


def test_it_takes_the_games_own_observations(seat: dict[str, Any]) -> None:
    env = red_team_v0.sb3_vec_env(3, agent="defender_0", **seat)
    made = TokenFeatures(env.observation_space, features_dim=5)
    assert made.features_dim == 5
    assert made.tokens.padding_idx == 23
    tensors = {key: torch.as_tensor(array).float() for key, array in env.reset().items()}
    assert made(tensors).shape == (3, 5)


@pytest.mark.parametrize(
    ("space", "arguments", "words"),
    [
        (spaces.Box(0, 1, (8,)), {}, "action_format='tokens'"),
        (spaces.Dict({"observation": spaces.Box(0, 1, (8,))}), {}, "action_format='tokens'"),
        (space_of(8), {"embedding_dim": 30}, "embedding_dim=30 must be a multiple of heads=4"),
    ],
)
def test_bad_arguments_are_refused(space: Any, arguments: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        TokenFeatures(space, **arguments)
