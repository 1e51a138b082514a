"""Configurations, and their records."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pytest

from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.opponents import LatestAndPast, MetaNash, Opponents, Population, UniformPast
from llm_game_agents.update_rules import (
    GRPOConfig,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    UpdateRule,
)
from llm_game_env.errors import ConfigurationError


@dataclass(frozen=True)
class NewestAndOldest(Opponents):
    """Somebody's own."""

    newest: float = 0.5

    def shares(self, population: Population) -> np.ndarray:
        """Half and half."""
        return np.eye(population.num_past + 1)[[0, -1]].T @ [1 - self.newest, self.newest]


CONFIGS = [
    GPOConfig(),
    GPOConfig(
        rounds=7,
        defender=GRPOConfig(group_size=6, token_weights="token", kl_target=0.1),
        adversary=RLOOConfig(group_size=3, decay="inverse_sqrt"),
        defender_plays=MetaNash(games=9, floor=0.1),
        adversary_plays=UniformPast(),
        anchor="stage",
        seed=4,
    ),
    GPOConfig(
        defender=ReinforceConfig(min_advantage_std=0.0),
        adversary=PPOConfig(reward_norm="scale", reward_clip=3.0),
        defender_plays=LatestAndPast(0.25),
        adversary_plays=NewestAndOldest(0.75),
        final_attack=False,
        temperature=0.7,
    ),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_a_record_gives_the_configuration_back(config: GPOConfig) -> None:
    record = json.loads(json.dumps(config.as_record()))
    assert GPOConfig.from_record(record) == config


def test_a_record_says_which_kind_it_is_and_every_knob() -> None:
    record = CONFIGS[1].as_record()
    assert record["defender"] == {"kind": "GRPOConfig", **asdict(CONFIGS[1].defender)}
    assert record["defender_plays"] == {"kind": "MetaNash", "games": 9, "floor": 0.1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"defender": {"kind": "DPOConfig"}}, "no UpdateRule 'DPOConfig' among .*'GRPOConfig'"),
        ({"defender": {"learning_rate": 1e-3}}, "no UpdateRule None among"),
        # Each by its own family.
        ({"defender": {"kind": "MetaNash"}}, "no UpdateRule 'MetaNash'"),
        ({"defender_plays": {"kind": "PPOConfig"}}, "no Opponents 'PPOConfig'"),
        ({"adversary": {"kind": "RLOOConfig", "vf_coef": 1.0}}, "is no RLOOConfig: .*vf_coef"),
        ({"speed": 3}, "is no GPOConfig: .*speed"),
        ({"adversary": {"kind": "PPOConfig", "kl_coef": -1.0}}, r"kl_coef=-1\.0"),
    ],
)
def test_records_that_say_something_else(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        GPOConfig.from_record(GPOConfig().as_record() | changes)


@pytest.mark.parametrize("missing", ["defender", "adversary_plays"])
def test_a_record_with_a_part_missing(missing: str) -> None:
    record = GPOConfig().as_record()
    del record[missing]
    with pytest.raises(ConfigurationError, match=f"has no {missing!r}"):
        GPOConfig.from_record(record)


@pytest.mark.parametrize(
    "knob",
    [
        {"anchor": "last"},
        {"defender": LatestAndPast()},
        {"adversary": "PPO"},
        {"defender_plays": PPOConfig()},
        {"adversary_plays": None},
        {"adversary_max_tokens": 0},
    ],
)
def test_impossible_knobs_are_refused(knob: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"{next(iter(knob))}="):
        GPOConfig(**knob)


def test_kinds_are_told_apart() -> None:
    rule = GRPOConfig(group_size=5)
    assert UpdateRule.from_record(rule.as_record()) == rule
    assert GPOConfig(defender=rule).rules["defender_0"].group_size == 5
    assert PPOConfig().group_size == ReinforceConfig().group_size == 1
