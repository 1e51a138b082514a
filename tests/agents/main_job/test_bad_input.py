"""Bad input: one line, exit status 2, and nothing written."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
)

from main_job_runs import SEEDS, TINY, RunHere, assert_one_error, run_apart, words_of, write_lines

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
