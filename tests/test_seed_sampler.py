"""Which seed prompt a game starts from: uniform, or with a chosen share of benign ones."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards import FunctionReward
from llm_game_env.seed_sampler import SeedSampler
from llm_game_env.seeds import Seed

HARMFUL, BENIGN = Seed("h"), Seed("b", "benign")
MIXED = [HARMFUL, BENIGN, HARMFUL, HARMFUL]


def counts(sampler: SeedSampler, num_seeds: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.bincount([sampler.draw(rng) for _ in range(4_000)], minlength=num_seeds)


@given(num_seeds=st.integers(1, 20), seed=st.integers(0, 2**32))
def test_draws_depend_on_the_generator_alone(num_seeds: int, seed: int) -> None:
    sampler = SeedSampler([HARMFUL] * num_seeds)
    one, other = np.random.default_rng(seed), np.random.default_rng(seed)
    draws = [sampler.draw(one) for _ in range(10)]
    assert draws == [sampler.draw(other) for _ in range(10)]
    assert all(type(draw) is int and 0 <= draw < num_seeds for draw in draws)


def test_draws_are_uniform() -> None:
    assert np.all(np.abs(counts(SeedSampler(MIXED), 4) - 1_000) < 150)


def test_a_share_of_the_draws_is_benign() -> None:
    drawn = counts(SeedSampler(MIXED, benign_share=0.7), 4)
    assert abs(drawn[1] - 2_800) < 150
    assert np.all(np.abs(drawn[[0, 2, 3]] - 400) < 100)


@pytest.mark.parametrize(("share", "wanted"), [(0.0, {0, 2, 3}), (1, {1})])
def test_none_or_all_of_them(share: float, wanted: set[int]) -> None:
    assert set(np.flatnonzero(counts(SeedSampler(MIXED, share), 4))) == wanted


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan, "half"])
def test_what_is_no_share_is_refused(share: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"benign_share=.* must be in \[0, 1\]"):
        SeedSampler(MIXED, share)


def test_a_label_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"benign_share=0.5 asks for benign seed prompts"):
        SeedSampler([HARMFUL], 0.5)
    with pytest.raises(ConfigurationError, match=r"benign_share=0 asks for harmful seed prompts"):
        SeedSampler([BENIGN], 0)
    SeedSampler([BENIGN], 1)


def test_an_environment_takes_the_share() -> None:
    reward = FunctionReward(lambda exchanges: [0.0] * len(exchanges))
    games = red_team_v0.vector_env(
        400, seed_prompts=MIXED[1:], reward_model=reward, benign_share=0.8
    )
    games.reset(seed=0)
    assert 50 < games.infos()["harmful"].sum() < 110
