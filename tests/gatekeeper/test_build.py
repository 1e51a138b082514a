"""Building a world at much reduced size: the whole layout, and the same weights every time."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper import build, measure
from llm_game_env.gatekeeper.splits import draw_splits
from llm_game_env.gatekeeper.world import SHIPPED, load_world

TINY = build.BuildConfig(
    seed=3,
    width=8,
    layers=1,
    heads=2,
    batch_size=4,
    defender_steps=6,
    adversary_broad_steps=3,
    adversary_steps=3,
    reward_steps=6,
)
MODELS = ("adversary", "defender", "reward_model")


class InlineExecutor:
    """Does at once, in this process, what a pool would do in another."""

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        pass

    def __enter__(self) -> "InlineExecutor":
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def submit(self, job: Callable[..., None], *arguments: Any) -> Future[None]:
        future: Future[None] = Future()
        future.set_result(job(*arguments))
        return future


@pytest.fixture(scope="module", autouse=True)
def _measured_on_few_samples() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "NUM_QUESTIONS", 100)
        patch.setattr(measure, "NUM_PROMPTS", 50)
        patch.setattr(measure, "NUM_EXCHANGES", 400)
        yield


def build_here(folder: Path, config: build.BuildConfig) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "ProcessPoolExecutor", InlineExecutor)
        build.build_world(folder, config)
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_here(tmp_path_factory.mktemp("world") / "made" / "here", TINY)


def layout(folder: Path) -> list[str]:
    """Relative names of all files."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_build_writes_the_whole_layout(built: Path) -> None:
    files = layout(built)
    assert {"world.json", "README.md"} < set(files)
    for model in MODELS:
        for name in ("config.json", "model.safetensors", "tokenizer.json", "README.md"):
            assert f"{model}/{name}" in files
    assert {"encoder/model.safetensors", "encoder/modules.json", "encoder/README.md"} < set(files)
    assert files == layout(SHIPPED)


def test_a_build_is_a_world(built: Path) -> None:
    world = load_world(built)
    assert world.splits == draw_splits(3)
    assert "{seed_prompt}" in world.instruction
    for folder in (world.adversary, world.defender):
        model = AutoModelForCausalLM.from_pretrained(folder)
        assert (model.config.n_embd, model.config.n_layer) == (8, 1)
    classifier = AutoModelForSequenceClassification.from_pretrained(built / "reward_model")
    assert classifier.config.id2label == {0: "bad", 1: "good"}
    assert not torch.equal(
        load_file(world.adversary / "model.safetensors")["transformer.wte.weight"],
        load_file(world.defender / "model.safetensors")["transformer.wte.weight"],
    )


def test_the_cards_say_what_was_measured(built: Path) -> None:
    page = (built / "README.md").read_text(encoding="utf-8")
    assert "seed 3: measured" in page
    for words in ("leak rate", "| first |", "| held out |", "agreement with the judge"):
        assert words in page
    for name in (*MODELS, "encoder"):
        card = (built / name / "README.md").read_text(encoding="utf-8")
        assert card.startswith("---\nlicense: mit\n")
        assert "--seed 3" in card


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{name}/{key}": tensor
        for name in (*MODELS, "encoder")
        for key, tensor in load_file(folder / name / "model.safetensors").items()
    }


def assert_same_world(left: Path, right: Path) -> None:
    of_left, of_right = weights(left), weights(right)
    assert of_left.keys() == of_right.keys()
    assert [key for key in of_left if not torch.equal(of_left[key], of_right[key])] == []
    record = "world.json"
    assert (left / record).read_bytes() == (right / record).read_bytes()


def test_a_build_depends_on_its_seed_alone(built: Path, tmp_path: Path) -> None:
    torch.manual_seed(99)
    assert_same_world(built, build_here(tmp_path / "same", TINY))
    other = build_here(tmp_path / "other", replace(TINY, seed=4))
    pairs = zip(weights(built).items(), weights(other).values(), strict=True)
    equal = {key for (key, left), right in pairs if torch.equal(left, right)}
    assert {key for key in equal if key.endswith(("wte.weight", "c_fc.weight"))} == set()
    assert (built / "world.json").read_bytes() != (other / "world.json").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_build_is_the_same_in_other_processes(built: Path, tmp_path: Path, workers: int) -> None:
    build.build_world(tmp_path, TINY, workers=workers)
    assert_same_world(built, tmp_path)


@pytest.mark.parametrize("content", [None, "", "{", '"text"', "{}", '{"instruction": "x"}'])
def test_a_folder_without_a_world_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "world.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"holds no build .* --out"):
        load_world(tmp_path)
