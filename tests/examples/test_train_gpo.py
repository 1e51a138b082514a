"""The main job from the command line: the demo, one's own models, bad input, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

from llm_game_agents.gpo import GPO
from llm_game_agents.opponents import UniformPast
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.update_rules import GRPOConfig, PPOConfig, RLOOConfig
from llm_game_env import red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.vector import VectorGame

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "train_gpo.py"
TINY = ("--rounds", "1", "--defend-updates", "1", "--attack-updates", "1", "--games", "8")
PATIENCE = 120.0

RunHere = Callable[..., tuple[int, str, str]]


def environment() -> dict[str, str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "agents")])
    return os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}


def run_apart(*words: str) -> subprocess.CompletedProcess[str]:
    """The program as a user starts it, in a process of its own."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunHere:
    """`run_here(*words)`: the same in this process; (exit status, stdout, stderr)."""
    monkeypatch.syspath_prepend(SCRIPT.parent)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words])
        status = import_module("train_gpo").main()
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


# The demo


@dataclass(frozen=True)
class Demo:
    folder: Path
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "run"
    return Demo(folder, run_apart(*TINY, "--arms", "sft,rlhf,gpo", "--out", str(folder)))


def test_the_demo_ends_with_a_table_and_a_path(demo: Demo) -> None:
    assert demo.done.returncode == 0, demo.done.stderr
    assert "Traceback" not in demo.done.stderr
    lines = demo.done.stdout.splitlines()
    assert lines[-1] == f"written to {demo.folder}"
    table = demo.done.stdout
    for name in ("sft", "rlhf", "gpo", "leak", "over-refusal", "wrong", "worst H", "blind spot"):
        assert name in table
    assert table.count("Gatekeeper") == 1


def test_the_demo_writes_results_and_curves(demo: Demo) -> None:
    assert (demo.folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((demo.folder / "results.json").read_text(encoding="utf-8"))
    assert record["flags"]["games"] == 8
    assert record["config"]["rounds"] == 1
    assert record["versions"]["torch"] == torch.__version__
    sft, rlhf, gpo = record["arms"]
    assert [arm["arm"]["name"] for arm in record["arms"]] == ["sft", "rlhf", "gpo"]
    assert (sft["updates"], sft["games"], sft["curves"]) == ({}, 0, [])
    assert (rlhf["updates"], rlhf["games"]) == ({"defender_0": 1}, 8)
    assert (gpo["updates"], gpo["games"]) == ({"adversary_0": 1, "defender_0": 1}, 16)
    assert [point["stage"] for point in gpo["curves"]] == ["defend", "attack"]
    assert rlhf["attack_on_rlhf"] is None
    assert 0 < sft["attack_on_rlhf"]["leak"] < 1
    for arm in record["arms"]:
        for split in ("collected", "reachable", "held_out"):
            assert 0 <= arm["defender"][split]["leak"] <= 1
        assert 0 < arm["defender"]["worst"]["leak_probability"] <= 1


def test_the_demo_logs_and_shows_transcripts(demo: Demo) -> None:
    for arm in ("rlhf", "gpo"):
        files = {path.name for path in (demo.folder / arm).iterdir()}
        assert {"progress.csv", "checkpoint"} < files
        assert {f"transcript_{when}.txt" for when in ("early", "middle", "late")} < files
        assert any(name.startswith("events.out.tfevents.") for name in files)


def assert_reopens(folder: Path) -> None:
    """Plain transformers and the library open the same player."""
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    plain = AutoModelForCausalLM.from_pretrained(folder).eval()
    policy = LanguagePolicy.load(folder)
    with torch.no_grad():
        logits = plain(ids).logits
        torch.testing.assert_close(logits, policy.model(ids).logits)
        assert torch.isfinite(logits).all()
    assert AutoTokenizer.from_pretrained(folder).chat_template
    assert not list(folder.rglob("*.bin"))


@pytest.mark.parametrize("agent", ["adversary_0", "defender_0"])
def test_the_demos_players_open_in_plain_transformers(demo: Demo, agent: str) -> None:
    assert_reopens(demo.folder / "gpo" / "checkpoint" / agent)


def test_the_demos_checkpoint_is_a_whole_run(demo: Demo) -> None:
    run = GPO.load(demo.folder / "gpo" / "checkpoint", red_team_v0.vector_env(8))
    assert run.num_iterations == 2
    assert {agent: ppo.num_updates for agent, ppo in run.learners.items()} == {
        "adversary_0": 1,
        "defender_0": 1,
    }


def wait_for_update(process: subprocess.Popen[str], progress: Path) -> None:
    """Until the first update is on record."""
    end = time.monotonic() + PATIENCE
    while not progress.exists() or progress.read_text(encoding="utf-8").count("\n") < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no update in time"
        time.sleep(0.1)


def test_ctrl_c_leaves_a_checkpoint_and_says_where(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = ("--arms", "gpo", "--rounds", "5000", "--games", "8", "--out", str(folder))
    # A process that was started in the background has SIGINT ignored, and its children with it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), *words],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        wait_for_update(process, folder / "gpo" / "progress.csv")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()
    assert "Traceback" not in err
    assert "interrupted" in out
    assert str(folder) in out
    assert "checkpoint" in out
    assert process.returncode == 130
    run = GPO.load(folder / "gpo" / "checkpoint", red_team_v0.vector_env(8))
    assert run.num_iterations >= 1
    assert_reopens(folder / "gpo" / "checkpoint" / "defender_0")


# One's own models


@pytest.fixture
def save_lm(make_lm: Callable[..., Any], tmp_path: Path) -> Callable[..., str]:
    """`save_lm(kind, tokenizer, **config)`: the folder of a random language model."""

    def save(kind: str, tokenizer: PreTrainedTokenizerFast, **options: Any) -> str:
        folder = tmp_path / f"{kind}-lm"
        options = {"max_position_embeddings": 256} | options
        make_lm(kind, len(tokenizer), **options).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return str(folder)

    return save


SEEDS = (
    {"text": "tell me a joke", "label": "harmful"},
    {
        "text": "how are you",
        "label": "benign",
        "id": "polite",
        "context": [
            {"role": "user", "content": "the cat"},
            {"role": "assistant", "content": "you are fine"},
        ],
    },
)


def write_lines(path: Path, records: tuple[Any, ...]) -> str:
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


@pytest.fixture
def own(
    save_lm: Callable[..., str],
    save_classifier: Callable[..., str],
    byte_tokenizer: PreTrainedTokenizerFast,
    word_tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
) -> dict[str, str]:
    """Flags of a run that works: two architectures, two tokenizers, dialogue context."""
    return {
        "--adversary": save_lm("gpt2", byte_tokenizer),
        "--defender": save_lm("llama", word_tokenizer),
        "--reward-model": save_classifier("bert", word_tokenizer, ["unsafe", "safe"]),
        "--reward-label": "safe",
        "--seed-prompts": write_lines(tmp_path / "seeds.jsonl", SEEDS),
        "--instruction": "{context}{seed_prompt}",
        "--adversary-max-tokens": "5",
        "--defender-max-tokens": "6",
        "--out": str(tmp_path / "run"),
    }


def words_of(flags: dict[str, str]) -> list[str]:
    return [*TINY, *(word for pair in flags.items() for word in pair)]


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


# Bad input: one line, exit status 2, and nothing written

Spoil = Callable[[dict[str, str], Path], None]


def missing_file(own: dict[str, str], folder: Path) -> None:
    own["--seed-prompts"] = str(folder / "nowhere.jsonl")


def empty_file(own: dict[str, str], folder: Path) -> None:
    own["--seed-prompts"] = write_lines(folder / "empty.jsonl", ())


def malformed_line(own: dict[str, str], folder: Path) -> None:
    own["--seed-prompts"] = write_lines(folder / "bad.jsonl", (SEEDS[0], SEEDS[1], "{text: 1"))


def unknown_label(own: dict[str, str], folder: Path) -> None:
    own["--seed-prompts"] = write_lines(folder / "bad.jsonl", (SEEDS[0], {"text": "a", "label": 1}))


def tokenizer_without_end(own: dict[str, str], _: Path) -> None:
    folder = Path(own["--defender"])
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        record = json.loads((folder / name).read_text(encoding="utf-8"))
        record = {k: v for k, v in record.items() if k not in ("eos_token_id", "eos_token")}
        (folder / name).write_text(json.dumps(record), encoding="utf-8")


def wrong_label(own: dict[str, str], _: Path) -> None:
    own["--reward-label"] = "good"


def no_label(own: dict[str, str], _: Path) -> None:
    del own["--reward-label"]


def long_seed_prompt(own: dict[str, str], folder: Path) -> None:
    long = {"text": "the cat " * 200, "id": "endless"}
    own["--seed-prompts"] = write_lines(folder / "long.jsonl", (SEEDS[0], long))


def long_context(own: dict[str, str], folder: Path) -> None:
    said = {"role": "user", "content": "no " * 300}, {"role": "assistant", "content": "yes"}
    own["--instruction"] = "{seed_prompt}"
    own["--seed-prompts"] = write_lines(
        folder / "long.jsonl", ({"text": "a", "id": "endless", "context": said},)
    )


def infinite_reward(own: dict[str, str], _: Path) -> None:
    folder = own["--reward-model"]
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        model.classifier.bias.fill_(float("nan"))
    model.save_pretrained(folder)


def no_reward_model(own: dict[str, str], _: Path) -> None:
    del own["--reward-model"]


def only_one_flag(own: dict[str, str], _: Path) -> None:
    for name in ("--adversary", "--reward-model", "--seed-prompts"):
        del own[name]


def missing_model(own: dict[str, str], folder: Path) -> None:
    own["--adversary"] = str(folder / "nowhere")


def folder_without_model(own: dict[str, str], folder: Path) -> None:
    (folder / "hollow").mkdir()
    own["--defender"] = str(folder / "hollow")


def classifier_as_player(own: dict[str, str], _: Path) -> None:
    own["--defender"] = own["--reward-model"]


def instruction_without_field(own: dict[str, str], _: Path) -> None:
    own["--instruction"] = "ask something"


def no_temperature(own: dict[str, str], _: Path) -> None:
    own["--temperature"] = "0"


def no_tokens(own: dict[str, str], _: Path) -> None:
    own["--defender-max-tokens"] = "0"


def no_games(own: dict[str, str], _: Path) -> None:
    own["--games"] = "0"


def no_rounds(own: dict[str, str], _: Path) -> None:
    own["--rounds"] = "0"


def negative_learning_rate(own: dict[str, str], _: Path) -> None:
    own["--defender-learning-rate"] = "-1"


def negative_rank(own: dict[str, str], _: Path) -> None:
    own["--lora-rank"] = "-1"


def critic_without_ppo(own: dict[str, str], _: Path) -> None:
    own |= {"--critic": "model", "--defender-rule": "grpo", "--adversary-rule": "rloo"}


def unknown_critic(own: dict[str, str], _: Path) -> None:
    own["--critic"] = "tail"


def negative_seed(own: dict[str, str], _: Path) -> None:
    own["--seed"] = "-1"


def no_threads(own: dict[str, str], _: Path) -> None:
    own["--threads"] = "0"


def unknown_device(own: dict[str, str], _: Path) -> None:
    own["--device"] = "abacus"


def out_below_a_file(own: dict[str, str], folder: Path) -> None:
    (folder / "file").write_text("")
    own["--out"] = str(folder / "file" / "run")


BAD: dict[Spoil, str] = {
    missing_file: "nowhere.jsonl: cannot be read",
    empty_file: "empty.jsonl: no seed prompts",
    malformed_line: "bad.jsonl, line 3: ",
    unknown_label: "bad.jsonl, line 2: label must be",
    tokenizer_without_end: "no end-of-sequence token",
    wrong_label: "['unsafe', 'safe'], got label='good'",
    no_label: "give the one whose probability",
    long_seed_prompt: "'endless' takes",
    long_context: "of the defender's 256 tokens",
    infinite_reward: "scores must be finite",
    no_reward_model: "--reward-model missing",
    only_one_flag: "--adversary and --reward-model and --seed-prompts missing",
    missing_model: "nowhere' cannot be loaded",
    folder_without_model: "hollow' cannot be loaded",
    classifier_as_player: "give a causal language model",
    instruction_without_field: "{seed_prompt}",
    no_temperature: "temperature",
    no_tokens: "defender_max_tokens=0",
    no_games: "games=0",
    no_rounds: "rounds=0",
    negative_learning_rate: "learning_rate=-1.0 must be",
    negative_rank: "lora_rank=-1 must be at least 0",
    critic_without_ppo: "--critic model is for PPO",
    unknown_critic: "critic='tail' must be 'head' or 'model'",
    negative_seed: "seed=-1",
    no_threads: "threads=0",
    unknown_device: "device='abacus'",
    out_below_a_file: "--out",
}


def assert_one_error(status: int, err: str, problem: str) -> None:
    assert status == 2
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert problem in line


@pytest.mark.parametrize(("spoil", "problem"), BAD.items(), ids=[f.__name__ for f in BAD])
def test_bad_input_is_refused_before_training(
    spoil: Spoil, problem: str, run_here: RunHere, own: dict[str, str], tmp_path: Path
) -> None:
    spoil(own, tmp_path)
    status, _, err = run_here(*words_of(own))
    assert_one_error(status, err, problem)
    assert not list(tmp_path.glob("run*"))


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--arms", "sft,dpo"), "no arm 'dpo'"),
        (("--arms", ""), "no arm ''"),
        (("--arms", "gpo", "--games", "0"), "games=0"),
        (("--arms", "rlhf", "--rounds", "-1"), "rounds=-1"),
        (("--adversary-kl-coef", "nan"), "own models only"),
        (("--arms", "gpo", "--seed", "-1"), "seed=-1"),
        (("--arms", "gpo", "--save-every", "-1"), "save_every=-1"),
    ],
)
def test_bad_input_to_the_demo(
    words: tuple[str, ...], problem: str, run_here: RunHere, tmp_path: Path
) -> None:
    status, _, err = run_here(*TINY, "--out", str(tmp_path / "run"), *words)
    assert_one_error(status, err, problem)
    assert not list(tmp_path.iterdir())


def test_bad_input_in_a_process_of_its_own(own: dict[str, str], tmp_path: Path) -> None:
    missing_model(own, tmp_path)
    done = run_apart(*words_of(own))
    assert_one_error(done.returncode, done.stderr, "nowhere' cannot be loaded")
    assert not Path(own["--out"]).exists()


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


@pytest.mark.slow  # Every change that it proposes is planned as well.
def test_a_dry_run_says_what_would_make_it_fit(
    run_here: RunHere, own: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import_module("dry_run")
    monkeypatch.setattr("dry_run.free_bytes", lambda _: 2**20)
    status, out, _ = run_here(*words_of(own), "--dry-run")
    assert status == 1
    assert "it does not fit into 80% of what is free" in out
    assert "--gradient-checkpointing --precision bf16 --lora-rank 16" in out


def test_a_dry_run_prints_the_memory_and_loads_nothing(
    run_here: RunHere, own: dict[str, str], tmp_path: Path
) -> None:
    for folder in (own["--adversary"], own["--defender"], own["--reward-model"]):
        (Path(folder) / "model.safetensors").unlink()
    status, out, err = run_here(*words_of(own), "--dry-run")
    assert status == 0, err
    for part in ("weights", "gradients", "optimiser moments", "reference", "value head"):
        assert f"defender_0: {part}" in out
    assert "reward model: weights" in out
    assert "update of" in out
    assert "it fits" in out
    assert not list(tmp_path.glob("run*"))


def test_everything_that_saves_memory_at_once(run_here: RunHere, own: dict[str, str]) -> None:
    own |= {"--adversary": own["--defender"], "--lora-rank": "2", "--lora-targets": "q_proj,v_proj"}
    own |= {"--lora-alpha": "3", "--precision": "bf16", "--defender-micro-batch-size": "auto"}
    status, _, err = run_here(*words_of(own), "--gradient-checkpointing")
    assert status == 0, err
    adapter = Path(own["--out"]) / "checkpoint" / "defender_0" / "adapter_config.json"
    config = json.loads(adapter.read_text(encoding="utf-8"))
    assert (config["r"], config["lora_alpha"]) == (2, 3)
    assert sorted(config["target_modules"]) == ["q_proj", "v_proj"]
