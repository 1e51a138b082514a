"""Best responses by PPO: what stays frozen, what is counted, and that they find a weakness."""

import pytest
import torch

from llm_game_agents.best_response import PPOBestResponse, best_adversary, best_defender
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.exploitability import BestResponse, exploitability
from llm_game_env.evaluation.judges import GroundTruth
from llm_game_env.evaluation.setting import Setting
from llm_game_env.gatekeeper.world import load_world
from llm_game_env.players import CausalLMPlayer, Player, ScriptedPlayer

WORLD = load_world()


def weights(player: Player) -> list[torch.Tensor]:
    assert isinstance(player, CausalLMPlayer)
    return [weight.clone() for weight in player.model.state_dict().values()]


def same(left: list[torch.Tensor], right: list[torch.Tensor]) -> bool:
    return all(map(torch.equal, left, right))


def trained(trainer: PPOBestResponse, opponent: Player) -> BestResponse:
    return trainer(opponent, seed=3)


@pytest.mark.parametrize("make", [best_adversary, best_defender])
def test_only_the_response_learns(make: type) -> None:
    trainer = make(WORLD, updates=2, num_games=8)
    opposite = WORLD.defender if make is best_adversary else WORLD.adversary
    opponent = CausalLMPlayer.load(opposite)
    before = weights(opponent)
    found = trained(trainer, opponent)
    assert same(weights(opponent), before)
    assert not same(weights(found.player), weights(found.untrained))
    assert same(weights(found.untrained), weights(CausalLMPlayer.load(trainer.start)))
    assert (found.budget.updates, found.budget.games) == (2, 16)
    assert found.budget.seconds > 0
    again = trained(trainer, opponent)
    assert same(weights(again.player), weights(found.player))


def test_any_player_may_be_the_opponent() -> None:
    found = trained(best_adversary(WORLD, updates=1, num_games=4), ScriptedPlayer(["no"]))
    assert found.budget.games == 4


def test_what_cannot_be_trained() -> None:
    with pytest.raises(ConfigurationError, match="agent='referee'"):
        PPOBestResponse("referee", WORLD.adversary, lambda: pytest.fail("made an environment"))
    with pytest.raises(ConfigurationError, match="updates=0"):
        best_adversary(WORLD, updates=0)


@pytest.mark.slow
def test_the_sft_defender_is_exploitable() -> None:
    setting = Setting(WORLD.seed_prompts, WORLD.instruction)
    defender = CausalLMPlayer.load(WORLD.defender)
    found = exploitability(
        best_adversary(WORLD, updates=16), defender, setting, GroundTruth(), seed=0
    )
    assert found.untrained_attack_success.share < 0.1
    assert found.gain.low > 0.1
