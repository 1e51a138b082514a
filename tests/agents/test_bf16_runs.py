"""Whole runs in bf16, stopped and taken up again: whole models and adapters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from llm_game_agents.computing import Computing
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import Anchor, GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.opponents import LatestAndPast
from llm_game_agents.player_folders import PlayerFolders
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.update_rules import PPOConfig
from llm_game_env import red_team_v0
from llm_game_env.players import CausalLMPlayer
from llm_game_env.rewards import FunctionReward
from llm_game_env.vector import VectorGame

HALF = Computing(precision="bf16", gradient_checkpointing=True)


def config(anchor: Anchor) -> GPOConfig:
    """Past adversaries play in the last of two defend stages."""
    rule = PPOConfig(update_epochs=1, num_minibatches=2, learning_rate=1e-2, warmup_updates=0)
    return GPOConfig(
        defend_updates=2,
        attack_updates=1,
        rounds=2,
        defender=rule,
        adversary=rule,
        defender_plays=LatestAndPast(0.5),
        defender_max_tokens=4,
        adversary_max_tokens=4,
        anchor=anchor,
    )


def make_games() -> VectorGame:
    return red_team_v0.vector_env(
        8,
        seed_prompts=["cat", "tell me a joke", "how are you"],
        reward_model=FunctionReward(lambda exchanges: [len(e.response) / 50 for e in exchanges]),
    )


def weights(run: GPO) -> dict[str, torch.Tensor]:
    players: dict[str, Any] = dict(run.players)
    return {
        f"{agent}.{name}": tensor
        for agent, player in players.items()
        for name, tensor in player.state_dict().items()
    }


@pytest.mark.parametrize(
    ("lora", "anchor"), [(False, "initial"), (True, "stage")], ids=["whole", "adapters"]
)
def test_a_run_taken_up_is_the_one_that_was_not_stopped(
    lora: bool, anchor: Anchor, make_lm: Callable[..., Any], word_tokenizer: Any, tmp_path: Path
) -> None:
    CausalLMPlayer(make_lm("llama", len(word_tokenizer)), word_tokenizer).save(tmp_path / "start")

    def start() -> GPO:
        folders = PlayerFolders(1.0, rank=4, computing=HALF)
        players = [
            folders.fresh(tmp_path / "start", seed)
            if lora
            else LanguagePolicy.load(tmp_path / "start", computing=HALF)
            for seed in (0, 1)
        ]
        return GPO(make_games(), players[0], players[1], config(anchor))

    errors: list[float] = []

    def interrupt(iteration: Iteration) -> None:
        errors.extend(stats.first_ratio_error for stats in iteration.stats.values())
        if iteration.index == 3:  # Within the stage in which past adversaries play.
            raise KeyboardInterrupt

    stopped = start()
    with pytest.raises(KeyboardInterrupt):
        stopped.learn(interrupt)
    path = stopped.save(tmp_path / "checkpoint")
    resumed = GPO.load(path, make_games(), computing=HALF).learn()
    whole = start().learn()
    assert max(errors) <= 1e-5
    mine, theirs = weights(resumed), weights(whole)
    assert mine.keys() == theirs.keys()
    assert not [name for name in mine if mine[name].dtype != theirs[name].dtype]
    assert not [name for name in mine if not torch.equal(mine[name], theirs[name])]
