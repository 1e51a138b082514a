"""A run on disk."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.opponents import LatestAndPast
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.schedules import Stage, defender_only
from llm_game_agents.update_rules.ppo import PPOConfig
from llm_game_env import red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError, TrainingError
from llm_game_env.players import EchoPlayer
from llm_game_env.rewards import FunctionReward
from llm_game_env.vector import VectorGame

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
MakePolicy = Callable[..., LanguagePolicy]
PPO_KNOBS = PPOConfig(update_epochs=1, num_minibatches=1, learning_rate=3e-3, gae_lambda=0.9)
CONFIG = GPOConfig(
    defend_updates=1,
    attack_updates=1,
    rounds=1,
    defender=PPO_KNOBS,
    defender_max_tokens=3,
    adversary_max_tokens=3,
    seed=5,
)


def make_games() -> VectorGame:
    return red_team_v0.vector_env(
        4,
        seed_prompts=["cat", "tell me a joke"],
        reward_model=FunctionReward(lambda exchanges: [len(e.response) / 50 for e in exchanges]),
        diversity=Diversity(self_bleu=1.0),
    )


@pytest.fixture
def make_run(make_policy: MakePolicy) -> Callable[..., GPO]:
    """`make_run(**arguments)`: a small run, not yet begun."""

    def make(**arguments: Any) -> GPO:
        defaults: dict[str, Any] = {
            "adversary": make_policy("gpt2"),
            "defender": make_policy("qwen2"),
            "config": CONFIG,
        }
        return GPO(make_games(), **(defaults | arguments))

    return make


def policy_of(run: GPO, agent: str) -> LanguagePolicy:
    player = run.players[agent]
    assert isinstance(player, LanguagePolicy)
    return player


def test_files(tmp_path: Path, make_run: Callable[..., GPO]) -> None:
    path = make_run().learn().save(tmp_path / "below" / "run")
    assert path == tmp_path / "below" / "run"
    assert sorted(p.name for p in path.iterdir()) == [
        "SHA256SUMS",
        ADVERSARY,
        "config.json",
        DEFENDER,
        "state.pt",
    ]
    for agent in (ADVERSARY, DEFENDER):
        files = {p.name for p in (path / agent).iterdir()}
        assert files >= {"config.json", "model.safetensors", "tokenizer.json", "reference"}
        assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl"))]
    assert [p.name for p in path.parent.iterdir()] == ["run"]  # nothing else is left behind


def test_earlier_adversaries_come_back(tmp_path: Path, make_run: Callable[..., GPO]) -> None:
    # Loaded models compute attention another way than those made here, so all runs are loaded.
    config = replace(CONFIG, rounds=3, defender_plays=LatestAndPast(0.5))
    begun = make_run(config=config).save(tmp_path / "begun")
    run = GPO.load(begun, make_games())

    def interrupt(iteration: Iteration) -> None:
        if iteration.index == 3:  # The next stage is the last defend stage: both play in it.
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.learn(interrupt)
    path = run.save(tmp_path / "run")
    resumed = GPO.load(path, make_games())
    past, restored = (one.matchmaker.past[ADVERSARY] for one in (run, resumed))
    assert len(restored) == len(past) == 2
    for mine, saved in zip(past, restored, strict=True):
        assert saved.updates == mine.updates
        for name, tensor in mine.player.model.state_dict().items():  # pyright: ignore
            assert torch.equal(tensor, saved.player.model.state_dict()[name])  # pyright: ignore
    resumed.learn()
    whole = GPO.load(begun, make_games()).learn()
    for name, tensor in policy_of(whole, DEFENDER).model.state_dict().items():
        assert torch.equal(tensor, policy_of(resumed, DEFENDER).model.state_dict()[name])


def test_state_loads_without_pickled_code(tmp_path: Path, make_run: Callable[..., GPO]) -> None:
    path = make_run().learn().save(tmp_path / "run")
    state = torch.load(path / "state.pt", weights_only=True)
    assert state["position"]["num_iterations"] == 2
    assert set(state["learners"]) == {ADVERSARY, DEFENDER}


@pytest.mark.parametrize("agent", [ADVERSARY, DEFENDER])
def test_saved_players_open_in_plain_transformers(
    agent: str, tmp_path: Path, make_run: Callable[..., GPO]
) -> None:
    run = make_run().learn()
    path = run.save(tmp_path / "run")
    policy = policy_of(run, agent)
    ids = torch.from_numpy(np.random.default_rng(0).integers(4, 20, (2, 9)))
    with torch.no_grad():
        for folder, own in ((".", policy.player.model), ("reference", policy.reference)):
            plain = AutoModelForCausalLM.from_pretrained(path / agent / folder)
            torch.testing.assert_close(
                plain(input_ids=ids).logits, own(input_ids=ids).logits, atol=1e-5, rtol=0
            )
    tokenizer = AutoTokenizer.from_pretrained(path / agent)
    chat = [{"role": "user", "content": "tell me a joke"}]
    assert tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) == (
        policy.player.tokenizer.apply_chat_template(
            chat, tokenize=False, add_generation_prompt=True
        )
    )


def test_a_loaded_run_is_the_run(tmp_path: Path, make_run: Callable[..., GPO]) -> None:
    run = make_run(schedule=[Stage("attack", 1), Stage("defend", 2)]).learn()
    loaded = GPO.load(run.save(tmp_path / "run"), make_games())
    assert loaded.config == run.config
    assert loaded.stages == run.stages
    assert loaded.num_iterations == 3
    for agent in (ADVERSARY, DEFENDER):
        mine, theirs = (policy_of(r, agent).state_dict() for r in (loaded, run))
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    mine, theirs = loaded.env.state_dict(), run.env.state_dict()
    assert mine["generators"] == theirs["generators"]
    assert str(mine["history"]) == str(theirs["history"])
    assert len(str(theirs["history"])) > len(str(make_games().state_dict()["history"]))


def test_a_player_that_was_no_policy_is_to_be_handed_in(
    tmp_path: Path, make_run: Callable[..., GPO]
) -> None:
    run = make_run(adversary=EchoPlayer(), schedule=defender_only(1)).learn()
    path = run.save(tmp_path / "run")
    assert not (path / ADVERSARY).exists()
    with pytest.raises(ConfigurationError, match=r"adversary_0' is missing.*hand it to load"):
        GPO.load(path, make_games())
    echo = EchoPlayer()
    loaded = GPO.load(path, make_games(), adversary=echo)
    assert loaded.players[ADVERSARY] is echo
    assert loaded.num_iterations == 1


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere' holds no checkpoint.*GPO\.save"):
        GPO.load(tmp_path / "nowhere", make_games())


@pytest.mark.parametrize("name", ["config.json", "state.pt"])
@pytest.mark.parametrize("content", [b"", b"{", b"version https://git-lfs.github.com/spec/v1\n"])
def test_a_damaged_file(
    name: str, content: bytes, tmp_path: Path, make_run: Callable[..., GPO]
) -> None:
    path = make_run().save(tmp_path / "run")
    (path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match="run' holds no checkpoint that can be read"):
        GPO.load(path, make_games())


def test_an_older_checkpoint_is_replaced(tmp_path: Path, make_run: Callable[..., GPO]) -> None:
    path = tmp_path / "run"
    first = make_run()
    first.save(path)
    (path / "stray").touch()
    (tmp_path / "run.partial").mkdir()  # what an interrupted save left
    (tmp_path / "run.partial" / "stray").touch()
    first.learn().save(path)
    assert not (path / "stray").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert GPO.load(path, make_games()).num_iterations == 2


def test_a_save_that_fails_leaves_the_older_checkpoint_whole(
    tmp_path: Path, make_run: Callable[..., GPO], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run"
    run = make_run()
    run.save(path)
    run.learn()

    def full_disk(*_: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full_disk)
        with pytest.raises(TrainingError, match=r"run' cannot be written \(no space.* make room"):
            run.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert GPO.load(path, make_games()).num_iterations == 0
    run.save(path)
    assert GPO.load(path, make_games()).num_iterations == 2


def test_an_interrupt_while_the_older_one_is_deleted_leaves_the_new_one_whole(
    tmp_path: Path, make_run: Callable[..., GPO], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run"
    run = make_run()
    run.save(path)
    run.learn()
    rmtree = shutil.rmtree

    def interrupted(folder: Path, **options: Any) -> None:
        if (Path(folder) / "state.pt").exists():  # a whole checkpoint is being deleted
            (Path(folder) / "config.json").unlink()
            raise KeyboardInterrupt
        rmtree(folder, **options)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run.save(path)
    assert GPO.load(path, make_games()).num_iterations == 2
    run.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
