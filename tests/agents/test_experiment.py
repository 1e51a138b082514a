"""An arm trained, saved, tested and interrupted, on very little."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from llm_game_agents import experiment
from llm_game_agents.arms import ARMS, make_run
from llm_game_agents.experiment import (
    StrongestAdversary,
    TrainedArm,
    attack,
    train_arm,
    unwrapped,
)
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.recorder import Recorder
from llm_game_agents.sealed import damage
from llm_game_env import red_team_v0
from llm_game_env.gatekeeper.world import World, load_world
from llm_game_env.players import CausalLMPlayer, ScriptedPlayer

CONFIG = GPOConfig(defend_updates=1, attack_updates=1, rounds=1, seed=0)


@pytest.fixture(scope="module")
def world() -> World:
    return load_world()


def train(name: str, world: World, folder: Path) -> TrainedArm:
    return train_arm(ARMS[name], world, CONFIG, folder, num_games=8, num_per_label=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def trained(world: World, folder: Path) -> TrainedArm:
    return train("gpo+div", world, folder / "gpo+div")


def test_a_run_leaves_everything_in_its_folder(trained: TrainedArm, folder: Path) -> None:
    run = folder / "gpo+div"
    assert [point.stage for point in trained.curves] == ["defend", "attack"]
    for when in ("early", "middle", "late"):
        assert "seed prompt: " in (run / f"transcript_{when}.txt").read_text(encoding="utf-8")
    with (run / "progress.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 2
    assert len(list(run.glob("events.out.tfevents.*"))) == 1
    for agent in ("adversary_0", "defender_0"):
        assert (run / "checkpoint" / agent / "model.safetensors").exists()


def test_what_is_said_of_a_run(trained: TrainedArm) -> None:
    assert trained.updates == {"adversary_0": 1, "defender_0": 1}
    assert trained.games == 16
    assert trained.seconds > 0
    assert trained.defender.worst is not None
    assert trained.defender.held_out.num_secret == 6
    assert all(0 <= (point.leak or 0.0) <= 1 and point.score > 0 for point in trained.curves)
    assert trained.curves[1].likeness != 0


def test_saved_players_are_the_trained_ones(trained: TrainedArm, folder: Path) -> None:
    ids = torch.tensor([[5, 40, 41, 42]])
    for agent, player in trained.run.players.items():
        assert isinstance(player, LanguagePolicy)
        saved = AutoModelForCausalLM.from_pretrained(folder / "gpo+div" / "checkpoint" / agent)
        with torch.no_grad():
            torch.testing.assert_close(saved(ids).logits, player.model(ids).logits)
            assert not torch.equal(player.model(ids).logits, player.reference(ids).logits)


def test_an_adversary_against_any_defender(trained: TrainedArm, world: World) -> None:
    experiment_rates = attack(trained, ScriptedPlayer(["nine four one"]), world, seed=0)
    assert experiment_rates is not None
    assert experiment_rates.num_prompts == experiment.NUM_ATTACKS
    assert experiment_rates.leak == pytest.approx(1 - experiment_rates.malformed)
    assert experiment_rates.over_refusal == 0


def test_an_arm_without_training_keeps_its_players(world: World, tmp_path: Path) -> None:
    trained = train("always-refuse", world, tmp_path / "refuse")
    players = [path.name for path in (tmp_path / "refuse" / "checkpoint").glob("*_0")]
    assert players == ["adversary_0"]
    assert (trained.curves, trained.games, trained.updates) == ((), 0, {})
    assert trained.defender.held_out.over_refusal == 1
    assert trained.defender.worst is None
    assert attack(trained, ScriptedPlayer(["hm"]), world, seed=0) is not None


def test_an_arm_on_fixed_prompts_has_no_adversary(world: World, tmp_path: Path) -> None:
    trained = train("rlhf", world, tmp_path / "rlhf")
    assert trained.updates == {"defender_0": 1}
    assert attack(trained, ScriptedPlayer(["hm"]), world, seed=0) is None
    assert [path.name for path in (tmp_path / "rlhf" / "checkpoint").glob("*_0")] == ["defender_0"]


def test_an_interrupted_run_is_saved_and_can_be_taken_up(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Recorder):
        def __call__(self, iteration: Iteration) -> None:
            super().__call__(iteration)
            raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "Recorder", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        train("gpo", world, tmp_path)
    env = red_team_v0.vector_env(8)
    run = GPO.load(tmp_path / "checkpoint", env)
    assert run.num_iterations == 1
    seen: list[int] = []
    run.learn(lambda iteration: seen.append(iteration.index))
    assert seen == [1]


def test_a_policy_is_unwrapped_to_its_player(trained: TrainedArm) -> None:
    policy = trained.run.players["defender_0"]
    assert isinstance(policy, LanguagePolicy)
    assert isinstance(unwrapped(policy), CausalLMPlayer)
    scripted = ScriptedPlayer(["hm"])
    assert unwrapped(scripted) is scripted


def test_the_seed_decides(world: World, trained: TrainedArm, tmp_path: Path) -> None:
    again = train("gpo+div", world, tmp_path)
    assert again.curves == trained.curves
    assert again.defender == trained.defender
    assert np.array_equal(weights(again.run, "defender_0"), weights(trained.run, "defender_0"))


def weights(run: GPO, agent: str) -> np.ndarray:
    policy = run.players[agent]
    assert isinstance(policy, LanguagePolicy)
    return flat(policy.model)


def flat(model: torch.nn.Module) -> np.ndarray:
    return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])


@pytest.mark.parametrize("final_attack", [True, False])
@pytest.mark.parametrize("strongest", [0, 1, 2])
def test_the_strongest_attack_stage_leaves_its_adversary(
    world: World, tmp_path: Path, strongest: int, final_attack: bool
) -> None:
    config = GPOConfig(
        defend_updates=1, attack_updates=2, rounds=4, final_attack=final_attack, seed=0
    )
    run = make_run(ARMS["gpo"], world, config, 8)
    recorder = Recorder(tmp_path, run.total_updates, "gpo", judged=True)
    keeps = StrongestAdversary(run, recorder, tmp_path / "strongest")
    ends: list[np.ndarray] = []

    def watch(iteration: Iteration) -> None:
        recorder(iteration)
        # What was played is made up; the players are those that were trained.
        leak = 0.5 if iteration.stage_index == 2 * strongest + 1 else 0.25
        recorder.points[-1] = replace(recorder.points[-1], leak=leak, over_refusal=0.0)
        keeps(iteration)
        if iteration.stage.kind == "attack" and run.stage_updates == 0:
            ends.append(weights(run, "adversary_0"))

    run.learn(watch)
    recorder.close()
    kept = keeps.load().model
    assert damage(tmp_path / "strongest") is None
    assert len(ends) == 3 + final_attack
    same = [np.array_equal(flat(kept), end) for end in ends]
    assert same == [stage == strongest for stage in range(len(ends))]


def test_without_an_attack_stage_the_last_adversary_is_the_strongest(
    world: World, tmp_path: Path
) -> None:
    trained = train("simultaneous", world, tmp_path)
    assert trained.adversary is not None
    assert np.array_equal(flat(trained.adversary.model), weights(trained.run, "adversary_0"))
