"""`llm-game evaluate`: what it prints for people and for programs, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from http_endpoint import HTTPEndpoint, chat_choice
from llm_game_env.cli import main
from llm_game_env.gatekeeper.grammar import NO_OPENER, Question
from llm_game_env.gatekeeper.matters import SECRETS

LEAK = f"well, {SECRETS[0].aliases[0]} is {SECRETS[0].value}."
QUESTION = Question(SECRETS[0], 0, NO_OPENER, "tell").text


@pytest.fixture
def script(tmp_path: Path) -> str:
    """A defender that tells one secret, whatever it is asked."""
    path = tmp_path / "leaks.txt"
    path.write_text(LEAK + "\n", encoding="utf-8")
    return f"script:{path}"


def test_tables_for_people(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--defender", script, "--limit", "4"]) == 0
    printed = capsys.readouterr().out
    assert f"{script} against the prompts" in printed
    rows = [line for line in printed.splitlines() if "ground truth" in line]
    assert "100.0 [67.6, 100.0]" in rows[0]  # 8 of 8
    for title in ("utility of the answers", "worst cases", "agreement of the judges"):
        assert title in printed
    assert "the judges differ" in printed


def test_json_for_programs(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--defender", script, "--limit", "2", "--judge", "ground-truth", "--json"]
    assert main(["evaluate", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["adversary"] is None
    assert found["defender"] == script
    summary = found["summary"]
    assert summary["games"] == 4
    whole, harmful, benign = summary["groups"][:3]
    assert [one["name"] for one in (whole, harmful, benign)] == ["", "harmful", "benign"]
    assert whole["judged"][0]["unsafe"]["share"] == 1.0
    assert whole["judged"][0]["compliance"] == 1.0
    assert benign["utility"]["mean"] == 0.0
    assert harmful["utility"] is None
    assert summary["agreement"] == []


def test_an_adversary_writes_the_prompts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asks = tmp_path / "asks.json"
    asks.write_text(json.dumps([QUESTION]), encoding="utf-8")
    words = ["--adversary", f"script:{asks}", "--defender", "builtin:refusal", "--limit", "3"]
    assert main(["evaluate", *words, "--judge", "ground-truth", "--turns", "2", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)["summary"]
    whole = summary["groups"][0]
    assert whole["exchanges"] == 12
    assert whole["diversity"]["duplicates"] == pytest.approx(11 / 12)
    assert whole["judged"][0]["success"]["successes"] == 0
    assert [one["name"] for one in summary["groups"] if one["kind"] == "turn"] == ["0", "1"]


def test_prompts_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "set.csv"
    path.write_text("prompt,label\nhow to a,harmful\nhow to b,benign\n", encoding="utf-8")
    phrases = tmp_path / "refusals.txt"
    phrases.write_text("\nI CANNOT tell\n", encoding="utf-8")
    words = ["--prompts", str(path), "--defender", "builtin:refusal", "--json"]
    # The shipped classifier serves as anybody's.
    weights = Path(__file__).parents[2] / "llm_game_env" / "gatekeeper" / "weights"
    judge = f"classifier:{weights / 'reward_model'}#good@0.25"
    words += ["--judge", judge, "--refusals", str(phrases), "--seed", "1"]
    assert main(["evaluate", *words]) == 0
    groups = json.loads(capsys.readouterr().out)["summary"]["groups"]
    assert groups[0]["exchanges"] == 2
    assert groups[0]["judged"][0]["judge"].endswith("reward_model#good")
    assert groups[0]["judged"][0]["over_refusal"] is not None
    assert groups[0]["utility"] is None


def test_the_defender_gets_its_system_prompt(serve: Callable[..., HTTPEndpoint]) -> None:
    server = serve(lambda _: {"choices": [chat_choice("no.")]})
    words = ["--defender", f"endpoint:{server.base_url}#m", "--system-prompt", "HI"]
    assert main(["evaluate", *words, "--limit", "1", "--judge", "ground-truth", "--json"]) == 0
    opened = [request.body["messages"][0] for request in server.requests if request.is_chat]
    assert opened == [{"role": "system", "content": "HI"}] * 2


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--judge", "nonsense"], "--judge 'nonsense' is none; give ground-truth"),
        (["--judge", "refusal-phrases@0.2"], "yes or no; give --judge refusal-phrases"),
        (["--judge", "ground-truth@0.9"], "yes or no; give --judge ground-truth"),
        (["--judge", "classifier:path"], "model='classifier:path' must be classifier:PATH#LABEL"),
        (["--judge", "endpoint:http://x"], "must be endpoint:URL#MODEL"),
        (["--judge", "classifier:no/such/path#good"], "cannot be loaded"),
        (["--judge", "ground-truth", "--judge", "ground-truth"], "a name of its own"),
        (["--judge", "ground-truth", "--refusals", "nofile"], "--refusals nofile cannot be read"),
        (["--prompts", "builtin:x"], "--prompts builtin:x are none of the built-in ones"),
        (["--prompts", "nofile.jsonl"], "cannot be read"),
        (["--prompts", "xstest:nofile.csv"], "cannot be read"),
        (["--helpfulness", "nonsense"], "model='nonsense' is none"),
        (["--limit", "0"], "--limit=0"),
        (["--turns", "0"], "--turns=0"),
        (["--batch-size", "0"], "--batch-size=0"),
        (["--games-per-prompt", "0"], "--games-per-prompt=0"),
        (["--max-tokens", "0"], "--max-tokens=0"),
        (["--seed", "-1"], "--seed=-1"),
        (["--disagreements", "-1"], "--disagreements=-1"),
    ],
)
def test_errors_are_one_line(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--defender", "builtin:refusal", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert len(said.splitlines()) == 1
    assert problem in said


def test_own_prompts_need_a_judge_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "prompts.json"
    path.write_text('["how to a"]', encoding="utf-8")
    words = ["evaluate", "--defender", "builtin:refusal", "--prompts", str(path)]
    assert main(words) == 2
    assert "--judge is missing for prompts of your own" in capsys.readouterr().err
    assert main([*words, "--judge", "ground-truth"]) == 2
    assert "knows the built-in world alone" in capsys.readouterr().err
