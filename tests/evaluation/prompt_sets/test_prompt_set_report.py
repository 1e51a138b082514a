"""The report against counts made by hand."""

import json
from pathlib import Path

import pytest

from llm_game_env.evaluation.compliance import phrase_judge
from llm_game_env.evaluation.judges import RewardJudge
from llm_game_env.evaluation.prompt_sets.evaluating import evaluate_prompt_set
from llm_game_env.evaluation.prompt_sets.prompt_set import Kind, PromptSet, SetPrompt
from llm_game_env.evaluation.prompt_sets.report import PromptSetReport
from llm_game_env.evaluation.prompt_sets.settings import AskingSettings
from llm_game_env.rewards import FunctionReward
from llm_game_env.seeds import Seed
from llm_game_env.spaces import Message
from played_games import Says

ROWS: list[tuple[str, Kind, str, str, str]] = [  # text, kind, category, subset, answer
    ("h0", "harmful", "c|d", "x", "Sure, boom"),
    ("h1", "harmful", "c|d", "y", "I'm sorry."),
    ("h2", "harmful", "e", "x", "Sure."),
    ("h3", "harmful", "e", "x", "I cannot: boom"),
    ("b0", "borderline", "f", "x", "Sorry!"),
    ("b1", "borderline", "f", "x", "Yes."),
    ("n0", "benign", "f", "x", "boom"),
]
SET = PromptSet(
    "small\nset",
    tuple(
        SetPrompt(Seed(text, "harmful" if kind == "harmful" else "benign", text), kind, c, s)
        for text, kind, c, s, _ in ROWS
    ),
    left_out=2,
)
BOOM = RewardJudge(
    "boom", FunctionReward(lambda exchanges: [float("boom" not in e.response) for e in exchanges])
)


@pytest.fixture
def report(tmp_path: Path) -> PromptSetReport:
    player = Says({row[0]: row[-1] for row in ROWS})
    return evaluate_prompt_set(player, SET, [BOOM, phrase_judge("phrases")], tmp_path)


def counts(report: PromptSetReport, judge: int) -> dict[tuple[str, str, str], tuple[object, ...]]:
    """(division, kind, name) -> prompts, unsafe, over-refused."""
    return {
        (group.division, group.kind, group.name): (
            group.prompts,
            group.judged[judge].unsafe.successes,
            refused.successes
            if (refused := group.judged[judge].over_refusal) is not None
            else None,
        )
        for group in report.groups
    }


def test_shares_by_kind_category_and_subset(report: PromptSetReport) -> None:
    assert counts(report, 0) == {
        ("kind", "harmful", "harmful"): (4, 2, None),
        ("kind", "borderline", "borderline"): (2, 0, None),
        ("kind", "benign", "benign"): (1, 1, None),
        ("category", "harmful", "c|d"): (2, 1, None),
        ("category", "harmful", "e"): (2, 1, None),
        ("subset", "harmful", "x"): (3, 2, None),
        ("subset", "harmful", "y"): (1, 0, None),
    }
    assert counts(report, 1) == {
        ("kind", "harmful", "harmful"): (4, 2, 0),
        ("kind", "borderline", "borderline"): (2, 0, 1),
        ("kind", "benign", "benign"): (1, 0, 0),
        ("category", "harmful", "c|d"): (2, 1, 0),
        ("category", "harmful", "e"): (2, 1, 0),
        ("subset", "harmful", "x"): (3, 2, 0),
        ("subset", "harmful", "y"): (1, 0, 0),
    }


def test_intervals_are_wilsons(report: PromptSetReport) -> None:
    share = report.groups[0].judged[0].unsafe  # 2 of 4
    # (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) with z = 1.959964
    assert (share.low, share.high) == pytest.approx((0.150039, 0.849961), abs=1e-6)


def test_agreement_and_disagreements(report: PromptSetReport) -> None:
    (unsafe,) = report.agreement  # only one of them tells refusals
    assert (unsafe.left, unsafe.right, unsafe.question) == ("boom", "phrases", "unsafe")
    assert (unsafe.both, unsafe.left_only, unsafe.right_only, unsafe.neither) == (1, 2, 1, 3)
    assert report.disagreements == ("h2", "h3", "n0")


def test_agreement_on_refusals_leaves_harmful_prompts_out(tmp_path: Path) -> None:
    player = Says({row[0]: row[-1] for row in ROWS})
    report = evaluate_prompt_set(player, SET, [phrase_judge("a"), phrase_judge("b")], tmp_path)
    unsafe, refused = report.agreement
    assert (unsafe.question, unsafe.both, unsafe.neither) == ("unsafe", 2, 5)
    assert (refused.question, refused.both, refused.neither) == ("over-refusal", 1, 2)
    assert report.disagreements == ()


def test_the_json_holds_it_all_by_name(report: PromptSetReport, tmp_path: Path) -> None:
    record = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert record["settings"]["max_tokens"] == 256
    assert record["prompts"] == record["answered"] == 7
    assert record["groups"][0]["judged"][0]["unsafe"]["successes"] == 2
    assert record["agreement"][0]["share"] == pytest.approx(4 / 7)
    assert record["agreement"][0]["kappa"] == pytest.approx(report.agreement[0].kappa)
    assert "llm-game-env" in record["versions"]


@pytest.mark.usefixtures("report")
def test_the_markdown_reads_as_a_table(tmp_path: Path) -> None:
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# defender on small\\nset\n\n7 of 7 prompts answered")
    kinds, categories = (
        "| harmful | 4 | 50.0 [15.0, 85.0] | – | 50.0 [15.0, 85.0] | – |\n"
        "| borderline | 2 | 0.0 [0.0, 65.8] | – | 0.0 [0.0, 65.8] | 50.0 [9.5, 90.5] |\n",
        "| harmful | c\\|d | 2 | 50.0 [9.5, 90.5] | – |",
    )
    assert kinds in text
    assert categories in text
    assert "| boom, phrases | unsafe | 57.1 % | 0.09 |" in text
    assert "They differ on 3 answers" in text
    assert "- of the file, left out by its loader: 2" in text


def test_the_system_prompt_and_the_context_come_before_the_prompt(tmp_path: Path) -> None:
    context = (Message(role="user", content="hi"), Message(role="assistant", content="ho"))
    seed = Seed("h0", "benign", "a", context)
    heard: list[list[Message]] = []

    class Listens(Says):
        def reply(self, conversations, rng, *, max_tokens):
            heard.extend(map(list, conversations))
            return super().reply(conversations, rng, max_tokens=max_tokens)

    settings = AskingSettings(system_prompt="Be good.")
    prompts = PromptSet("one", (SetPrompt(seed, "benign"),))
    evaluate_prompt_set(Listens({}), prompts, [BOOM], tmp_path, settings)
    system = Message(role="system", content="Be good.")
    assert heard == [[system, *context, Message(role="user", content="h0")]]
