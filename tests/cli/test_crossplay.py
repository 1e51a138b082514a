"""`llm-game crossplay`: names, tables, JSON, and what it refuses."""

import json
from pathlib import Path

import pytest

from llm_game_env.cli import main
from llm_game_env.gatekeeper.grammar import NO_OPENER, Question
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.matters import ORDINARY, SECRETS


def write(path: Path, text: str) -> str:
    path.write_text(text + "\n", encoding="utf-8")
    return f"script:{path}"


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Two adversaries, who ask for a secret and for something ordinary, and two defenders."""
    secret, plain = (Question(one[0], 0, NO_OPENER, "tell").text for one in (SECRETS, ORDINARY))
    asks, wonders = write(tmp_path / "asks.txt", secret), write(tmp_path / "wonders.txt", plain)
    leaks = write(tmp_path / "leaks.txt", SECRETS[0].value)
    refuses = write(tmp_path / "refuses.txt", REFUSALS[0])
    players = ["--adversary", f"asks={asks}", "--adversary", f"wonders={wonders}"]
    players += ["--defender", f"[leaks]={leaks}", "--defender", f"refuses={refuses}"]
    return ["crossplay", *players, "--limit", "2", "--judge", "ground-truth"]


def test_a_table_for_people(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "success by ground truth" in printed
    assert "[leaks]" in printed  # A name is no markup.
    (row,) = [line for line in printed.splitlines() if "wonders" in line]
    assert row.count("100.0") == 4  # a leak and an over-refusal, with the ends of their intervals
    assert main([*words, "--measure", "over-refusal"]) == 0
    printed = capsys.readouterr().out
    (row,) = [line for line in printed.splitlines() if "asks" in line]
    assert "100.0" not in row


@pytest.mark.parametrize("more", [[], ["--one-at-a-time"]])
def test_json_for_programs(
    words: list[str], more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *more, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["adversaries"] == ["asks", "wonders"]
    assert found["defenders"] == ["[leaks]", "refuses"]
    assert found["judges"] == ["ground truth"]
    shares = [cell["judged"][0]["unsafe"]["share"] for cell in found["cells"]]
    assert shares == [1, 0, 1, 0]
    refused = [cell["judged"][0]["over_refusal"]["share"] for cell in found["cells"]]
    assert refused == [0, 0, 0, 1]
    assert {cell["exchanges"] for cell in found["cells"]} == {4}


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--defender", "refuses=builtin:refusal"], "'refuses' is there twice"),
        (["--defender", "=builtin:refusal"], "must be PLAYER or NAME=PLAYER"),
        (["--defender", "name="], "must be PLAYER or NAME=PLAYER"),
        (["--defender", "no/such/player"], "no/such/player"),
        (["--seed", "-1"], "--seed=-1"),
        (["--measure", "luck"], "invalid choice: 'luck'"),
    ],
)
def test_errors_are_one_line(
    words: list[str], more: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *more]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert problem in said


def test_an_equals_sign_in_a_url_or_path_is_no_name(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = write(tmp_path / "lr=1.txt", "hm")
    url = "endpoint:http://localhost:1/v1?a=b#m"
    more = ["--defender", script, "--defender", f"gpo+div={script}", "--json"]
    assert main([*words, *more]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["defenders"] == ["[leaks]", "refuses", script, "gpo+div"]
    # Named by its words, not by what stands before the equals sign.
    assert main([*words, "--defender", url, "--defender", url]) == 2
    assert f"--defender {url!r} is there twice" in capsys.readouterr().err


def test_both_sides_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crossplay", "--adversary", "builtin:adversary"]) == 2
    assert "--defender" in capsys.readouterr().err
