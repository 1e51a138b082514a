"""An evaluation that was cut off anywhere and resumed is, to the bit, one that was not."""

import json
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from killed_evaluation import (
    NUM_PROMPTS,
    NUM_WRITES,
    contents,
    defender,
    ending,
    evaluate,
    evaluate_until_killed,
    judges,
    prompts,
)
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.judges import GroundTruth, Verdicts
from llm_game_env.evaluation.playing import play
from llm_game_env.evaluation.setting import Setting
from llm_game_env.players import EchoPlayer, Player, RandomPlayer, ScriptedPlayer
from llm_game_env.rewards import Exchange
from llm_game_env.spaces import Message


class Stopped(BaseException):
    """Not an Exception: what nobody puts up with."""


def stop() -> NoReturn:
    raise Stopped


class StopsAtCall:
    """The built-in defender, until a call."""

    temperature = 1.0

    def __init__(self, at: int) -> None:
        self.left, self.model = at, defender().model

    def __repr__(self) -> str:
        return repr(defender())

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        self.left -= 1
        return defender().reply(conversations, rng, max_tokens=max_tokens) if self.left else stop()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    evaluate(folder)
    return contents(folder)


def test_the_files_are_what_their_page_says(whole: dict[str, bytes]) -> None:
    names = ["answers.jsonl", "report.json", "report.md"]
    assert list(whole) == [
        *names,
        "verdicts/refusal phrases.jsonl",
        "verdicts/reward model.jsonl",
    ]
    header, *rows = map(json.loads, whole["answers.jsonl"].splitlines())
    assert header["what"] == "answers"
    assert [row["id"] for row in rows] == [prompt.seed.id for prompt in prompts().prompts]
    assert [row["more"] for row in rows] == [3, 2, 1, 0, 3, 2, 1, 0, 2, 1, 0]


@pytest.mark.parametrize("share", [0.4, 1.0], ids=["half-written", "after"])
@pytest.mark.parametrize("at", range(1, NUM_WRITES + 1))
def test_resumed_after_any_write(
    tmp_path: Path,
    whole: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    share: float,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", ending(os.pwrite, at, share, stop))
        with pytest.raises(Stopped):
            evaluate(tmp_path)
    evaluate(tmp_path)
    assert contents(tmp_path) == whole


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_player_that_stops_loses_one_batch(
    tmp_path: Path, whole: dict[str, bytes], call: int
) -> None:
    with pytest.raises(Stopped):
        evaluate(tmp_path, StopsAtCall(call))
    kept = (tmp_path / "answers.jsonl").read_bytes().splitlines()
    assert len(kept) - 1 == 4 * (call - 1)
    evaluate(tmp_path)
    assert contents(tmp_path) == whole


def test_answers_that_were_lost_are_asked_for_again(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    rng = np.random.default_rng(0)
    size = len(whole["answers.jsonl"])
    for cut in [0, size - 1, *rng.integers(size, size=3)]:
        shutil.rmtree(tmp_path)
        (tmp_path / "verdicts").mkdir(parents=True)
        for name, content in whole.items():
            (tmp_path / name).write_bytes(content)
        (tmp_path / "answers.jsonl").write_bytes(whole["answers.jsonl"][:cut])
        evaluate(tmp_path)
        assert contents(tmp_path) == whole, f"cut at byte {cut}"


def test_a_verdict_on_another_answer_does_not_count(tmp_path: Path) -> None:
    player = ScriptedPlayer(["i cannot say.", "the code is nine four one."])
    evaluate(tmp_path, player)
    (tmp_path / "answers.jsonl").unlink()
    player.sentences = player.sentences[::-1]  # as an endpoint, which answers as it likes
    report = evaluate(tmp_path, player)
    evaluate(tmp_path / "fresh", player)
    found, fresh = contents(tmp_path), contents(tmp_path / "fresh")
    assert found["report.json"] == fresh["report.json"]
    assert set(report.unjudged.values()) == {0}


@pytest.mark.slow  # The process imports torch.
@pytest.mark.parametrize(("at", "share"), [(7, 0.3), (8, 1.0)])
def test_resumed_after_sigkill(
    tmp_path: Path, whole: dict[str, bytes], at: int, share: float
) -> None:
    assert evaluate_until_killed(tmp_path, at, share) == -signal.SIGKILL
    assert contents(tmp_path) != whole
    evaluate(tmp_path)
    assert contents(tmp_path) == whole


class Counting:
    """The ground truth, which counts what it is shown."""

    name, tells_refusals = "ground truth", True

    def __init__(self) -> None:
        self.shown: list[int] = []

    def __repr__(self) -> str:
        return "Counting()"

    def judge(self, exchanges: Sequence[Exchange]) -> Verdicts:
        self.shown.append(len(exchanges))
        return GroundTruth().judge(exchanges)


def test_a_judge_that_comes_later_asks_the_defender_nothing(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    evaluate(tmp_path, given=judges()[1:])
    later = Counting()
    report = evaluate(tmp_path, StopsAtCall(1), [*judges(), later])
    assert later.shown == [4, 4, 3]
    assert report.unjudged == {"reward model": 0, "refusal phrases": 0, "ground truth": 0}
    found = contents(tmp_path)
    for name in ("answers.jsonl", "verdicts/reward model.jsonl"):
        assert found[name] == whole[name]
    evaluate(tmp_path, StopsAtCall(1), [*judges(), later])
    assert later.shown == [4, 4, 3]


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_the_batch_size_changes_no_answer_here(
    tmp_path: Path, whole: dict[str, bytes], batch_size: int
) -> None:
    def said(content: bytes) -> list[str]:
        return [json.loads(line)["response"] for line in content.splitlines()[1:]]

    evaluate(tmp_path, batch_size=batch_size)
    assert said(contents(tmp_path)["answers.jsonl"]) == said(whole["answers.jsonl"])


def test_answers_are_those_of_playing_with_the_same_seed(whole: dict[str, bytes]) -> None:
    setting = Setting(
        prompts().seeds, instruction="{seed_prompt}", defender_max_tokens=12, batch_size=5
    )
    said = [one.exchange.response for one in play(EchoPlayer(), defender(), setting, seed=3)]
    rows = map(json.loads, whole["answers.jsonl"].splitlines()[1:])
    assert [row["response"] for row in rows] == said


@pytest.mark.parametrize(
    "player", [ScriptedPlayer(["yes.", "no.", "oh."]), RandomPlayer(["yes", "no"])]
)
def test_other_players_resume_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, player: Player
) -> None:
    evaluate(tmp_path / "whole", player)
    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", ending(os.pwrite, 7, 0.5, stop))
        with pytest.raises(Stopped):
            evaluate(tmp_path / "cut", player)
    evaluate(tmp_path / "cut", player)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"max_tokens": 13}, "max_tokens 12, not 13"),
        ({"seed": 4}, "seed 3, not 4"),
        ({"system_prompt": "Be good."}, r"system_prompt None, not 'Be good\.'"),
        ({"name": "other"}, "name 'defender', not 'other'"),
    ],
)
def test_other_settings_are_refused_before_anything_is_asked(
    tmp_path: Path, changed: dict[str, Any], difference: str
) -> None:
    evaluate(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(
        ConfigurationError, match=rf"holds answers of other settings: {difference}; go on with"
    ):
        evaluate(tmp_path, StopsAtCall(1), **changed)
    assert contents(tmp_path) == before


def test_another_player_or_set_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, bytes]
) -> None:
    (tmp_path / "answers.jsonl").write_bytes(whole["answers.jsonl"])
    with pytest.raises(ConfigurationError, match=r"player .*CausalLM.*, not .*; temperature 1\.0"):
        evaluate(tmp_path, EchoPlayer())
    parameter = next(defender().model.parameters())
    monkeypatch.setattr(parameter, "data", parameter.data * 1.01)
    with pytest.raises(ConfigurationError, match="other settings: weights '"):
        evaluate(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(defender(), "temperature", 0.5)
    with pytest.raises(ConfigurationError, match=r"other settings: temperature 1\.0, not 0\.5"):
        evaluate(tmp_path)
    monkeypatch.undo()
    fewer = prompts().sample(NUM_PROMPTS - 1, seed=0)
    monkeypatch.setattr("killed_evaluation.prompts", lambda: fewer)
    with pytest.raises(ConfigurationError, match="other settings: prompts '"):
        evaluate(tmp_path)


def test_no_judges_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="give each a name of its own"):
        evaluate(tmp_path, given=[GroundTruth(), GroundTruth()])
    assert contents(tmp_path) == {}
