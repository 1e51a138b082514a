"""GPO on one's own models from the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import (
    AutoModelForCausalLM,
    PreTrainedTokenizerFast,
)

from llm_game_agents.gpo import GPO
from llm_game_agents.opponents import UniformPast
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.update_rules import GRPOConfig, PPOConfig, RLOOConfig
from llm_game_env import red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.vector import VectorGame
from main_job_runs import RunHere, assert_one_error, assert_reopens, words_of


def games_of_own() -> VectorGame:
    """An environment that takes up what a run of `own` saved."""
    return red_team_v0.vector_env(8, diversity=Diversity(self_bleu=1.0))


def curves(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))["arms"][0]["curves"]


def test_a_run_goes_on_in_its_folder(
    run_here: RunHere, own: dict[str, str], tmp_path: Path
) -> None:
    folder = Path(own["--out"])
    assert run_here(*words_of(own))[0] == 0
    whole = curves(folder)
    (folder / "transcript_late.txt").write_text("of the future")
    weights = folder / "checkpoints" / "update-000002" / "adversary_0" / "model.safetensors"
    copied = weights.read_bytes()
    weights.write_bytes(copied[:-1])
    status, out, err = run_here("--resume", str(folder))
    assert status == 0, err
    assert "update-000002 cannot be used: adversary_0/model.safetensors is not what" in out
    assert f"going on from {folder}/checkpoints/update-000001" in out
    assert curves(folder) == whole
    assert "attack stage" in (folder / "transcript_late.txt").read_text(encoding="utf-8")
    assert weights.read_bytes() == copied
    assert GPO.load(folder / "checkpoint", games_of_own()).num_iterations == 2
    assert [path.name for path in tmp_path.glob("run*")] == ["run"]


def test_from_a_checkpoint_a_run_goes_on_elsewhere(
    run_here: RunHere, own: dict[str, str], tmp_path: Path
) -> None:
    assert run_here(*words_of(own))[0] == 0
    folder, further = Path(own["--out"]), tmp_path / "further"
    saved = folder / "checkpoints" / "update-000001"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    status, _, err = run_here("--resume", str(saved), "--out", str(further))
    assert status == 0, err
    assert curves(further) == curves(folder)
    assert GPO.load(further / "checkpoint", games_of_own()).num_iterations == 2
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_nothing_to_go_on_with(run_here: RunHere, own: dict[str, str], tmp_path: Path) -> None:
    status, _, err = run_here(*words_of(own | {"--resume": str(tmp_path / "nowhere")}))
    assert status == 2
    assert "holds no checkpoint" in err
    assert not Path(own["--out"]).exists()
    status, _, err = run_here("--resume", str(tmp_path / "nowhere"))
    assert_one_error(status, err, "nowhere' holds no run of the demo")


def test_another_algorithm_than_gpo(run_here: RunHere, own: dict[str, str]) -> None:
    own |= {"--schedule": "simultaneous", "--defender-rule": "rloo", "--adversary-rule": "grpo"}
    own |= {"--adversary-group-size": "2", "--adversary-plays": "uniform-past"}
    status, _, err = run_here(*words_of(own))
    assert status == 0, err
    run = GPO.load(Path(own["--out"]) / "checkpoint", games_of_own())
    assert [stage.kind for stage in run.stages] == ["both"]
    assert run.config.defender == RLOOConfig()
    assert run.config.adversary == GRPOConfig(group_size=2)
    assert run.config.adversary_plays == UniformPast()
    status, _, err = run_here("--resume", own["--out"], "--schedule", "alternating")
    assert_one_error(status, err, "--schedule alternating is not what")


def test_own_models_run_end_to_end(run_here: RunHere, own: dict[str, str]) -> None:
    status, out, err = run_here(*words_of(own))
    assert status == 0, err
    folder = Path(own["--out"])
    assert f"saved in {folder / 'checkpoint'}" in out
    assert out.splitlines()[-1] == f"written to {folder}"
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert record["arms"][0]["games"] == 16
    assert [point["stage"] for point in record["arms"][0]["curves"]] == ["defend", "attack"]
    assert all(0 < point["score"] < 1 for point in record["arms"][0]["curves"])
    assert record["flags"]["seed_prompts"] == own["--seed-prompts"]
    kinds = {"adversary_0": "gpt2", "defender_0": "llama"}
    for agent, kind in kinds.items():
        assert_reopens(folder / "checkpoint" / agent)
        saved = json.loads((folder / "checkpoint" / agent / "config.json").read_text())
        assert saved["model_type"] == kind
    text = (folder / "transcript_early.txt").read_text(encoding="utf-8")
    assert "how are you" in text
    assert "judge" not in text


def test_critics_of_their_own(run_here: RunHere, own: dict[str, str]) -> None:
    own |= {"--critic": "model"}
    status, _, err = run_here(*words_of(own))
    assert status == 0, err
    saved = Path(own["--out"]) / "checkpoint"
    record = json.loads((saved / "config.json").read_text(encoding="utf-8"))["config"]
    for agent in ("adversary", "defender"):
        assert (saved / f"{agent}_0" / "critic" / "model.safetensors").exists()
        assert record[agent]["critic_learning_rate"] == record[agent]["learning_rate"]


def test_a_critic_that_was_saved_learns_at_its_players_rate(
    run_here: RunHere, own: dict[str, str], tmp_path: Path
) -> None:
    folder = Path(own["--defender"])
    LanguagePolicy.load(folder, critic="model").save(folder)
    status, _, err = run_here(*words_of(own))
    assert status == 0, err
    config = GPO.load(tmp_path / "run" / "checkpoint", games_of_own()).config
    assert isinstance(config.defender, PPOConfig)
    assert isinstance(config.adversary, PPOConfig)
    assert config.defender.critic_learning_rate == config.defender.learning_rate
    assert config.adversary.critic_learning_rate == PPOConfig().critic_learning_rate


def test_two_adapters_on_one_base(run_here: RunHere, own: dict[str, str], tmp_path: Path) -> None:
    own |= {"--adversary": own["--defender"], "--lora-rank": "2"}
    status, _, err = run_here(*words_of(own))
    assert status == 0, err
    saved = Path(own["--out"]) / "checkpoint"
    for agent in ("adversary_0", "defender_0"):
        assert (saved / agent / "adapter_model.safetensors").exists()
        assert not list((saved / agent).rglob("model.safetensors"))
        plain = AutoModelForCausalLM.from_pretrained(saved / agent)
        assert any("lora" in name for name, _ in plain.named_parameters())
    # Such adapters are what another run may start from, with or without a fresh one beside it.
    own |= {"--adversary": str(saved / "adversary_0"), "--out": str(tmp_path / "further")}
    status, _, err = run_here(*words_of(own))
    assert status == 0, err
    env = red_team_v0.vector_env(8, diversity=Diversity(self_bleu=1.0))
    run = GPO.load(tmp_path / "further" / "checkpoint", env)
    first, second = (set(player.model.parameters()) for player in run.players.values())  # pyright: ignore
    assert len(first & second) > len(first - second) / 2 > 0


@pytest.mark.parametrize("role", ["--adversary", "--defender"])
def test_qwen2_plays_either_role(
    role: str,
    run_here: RunHere,
    own: dict[str, str],
    save_lm: Callable[..., str],
    unigram_tokenizer: PreTrainedTokenizerFast,
) -> None:
    own[role] = save_lm("qwen2", unigram_tokenizer)
    status, _, err = run_here(*words_of(own))
    assert status == 0, err
    agent = f"{role.removeprefix('--')}_0"
    assert_reopens(Path(own["--out"]) / "checkpoint" / agent)


def test_a_tokenizer_without_padding_and_template_is_handled(
    run_here: RunHere,
    own: dict[str, str],
    save_lm: Callable[..., str],
    byte_tokenizer: PreTrainedTokenizerFast,
) -> None:
    byte_tokenizer.chat_template = None
    byte_tokenizer.pad_token = None
    own["--adversary"] = save_lm("gpt2", byte_tokenizer, pad_token_id=None)
    status, out, err = run_here(*words_of(own))
    assert status == 0, err
    assert "saved in" in out


def test_a_folder_that_exists_is_left_alone(run_here: RunHere, own: dict[str, str]) -> None:
    Path(own["--out"]).mkdir()
    status, out, _ = run_here(*words_of(own))
    assert status == 0
    assert out.splitlines()[-1] == f"written to {own['--out']}-2"
    assert not list(Path(own["--out"]).iterdir())


def test_a_run_that_is_interrupted_at_once_is_saved(
    run_here: RunHere, own: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(GPO, "_iterate", interrupted)
    status, out, err = run_here(*words_of(own))
    assert status == 130
    assert "Traceback" not in err
    assert "interrupted" in out
    assert f"saved in {own['--out']}/checkpoint" in out
    assert_reopens(Path(own["--out"]) / "checkpoint" / "adversary_0")


def test_everything_that_saves_memory_at_once(run_here: RunHere, own: dict[str, str]) -> None:
    own |= {"--adversary": own["--defender"], "--lora-rank": "2", "--lora-targets": "q_proj,v_proj"}
    own |= {"--lora-alpha": "3", "--precision": "bf16", "--defender-micro-batch-size": "auto"}
    status, _, err = run_here(*words_of(own), "--gradient-checkpointing")
    assert status == 0, err
    adapter = Path(own["--out"]) / "checkpoint" / "defender_0" / "adapter_config.json"
    config = json.loads(adapter.read_text(encoding="utf-8"))
    assert (config["r"], config["lora_alpha"]) == (2, 3)
    assert sorted(config["target_modules"]) == ["q_proj", "v_proj"]
