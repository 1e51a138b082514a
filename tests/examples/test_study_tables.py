"""What the study's tables and verdicts are made of, on numbers made up for it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llm_game_env.gatekeeper.grammar import NO_OPENER, Question, parse
from llm_game_env.gatekeeper.matters import SECRETS
from llm_game_env.gatekeeper.world import load_world
from llm_game_env.players import ScriptedPlayer
from llm_game_env.spaces import Message

# pyright: reportMissingImports=false
# The examples are no package, and not on pyright's path.

EXAMPLES = Path(__file__).parents[2] / "examples"
SEED, OTHER = (Question(matter, 0, NO_OPENER, "tell").text for matter in SECRETS[:2])
REWORDED = Question(SECRETS[0], 1, NO_OPENER, "joke").text


@pytest.fixture(autouse=True)
def examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)


def told(text: str) -> list[Message]:
    return [Message(role="user", content=f"like this. {text} go on.")]


def test_a_paraphraser_keeps_the_matter_and_changes_the_words() -> None:
    from gatekeeper_study.paraphrase import Paraphraser

    rng = np.random.default_rng(0)
    instruction = "like this. {seed_prompt} go on."
    writer = Paraphraser(ScriptedPlayer([SEED, OTHER, "hm", REWORDED]), instruction)
    assert writer.reply([told(SEED)] * 8, rng, max_tokens=9) == [REWORDED] * 8
    # What never keeps the matter, or only repeats the seed, leaves the seed as it stands.
    for texts in ([OTHER, "hm"], [SEED.upper()]):
        writer = Paraphraser(ScriptedPlayer(texts), instruction)
        assert writer.reply([told(SEED)] * 2, rng, max_tokens=9) == [SEED] * 2


def test_the_uniform_asker_asks_in_every_reachable_way() -> None:
    from gatekeeper_study.paraphrase import UniformAsker

    splits = load_world().splits
    ways = {q.text for q in splits.reachable if q.matter is SECRETS[0]}
    asker = UniformAsker(splits, "like this. {seed_prompt} go on.")
    rng = np.random.default_rng(0)
    asked = Counter(asker.reply([told(SEED)] * 20 * len(ways), rng, max_tokens=9))
    assert asked.keys() == ways
    with pytest.raises(ValueError, match="no question"):
        asker.reply([told("hm")], rng, max_tokens=9)
    assert all(parse(text) for text in asked)


def test_how_far_a_run_had_come_when_its_defender_was_chosen() -> None:
    from gatekeeper_study.costs import Cost, Played, played, whole

    # Four updates of the defender, then fourteen of the adversary, three times.
    assert [played("gpo", updates) for updates in (0, 4, 8, 12)] == [
        Played(0, 0),
        Played(4, 0),
        Played(8, 14),
        Played(12, 28),
    ]
    assert whole("gpo") == Played(12, 42)
    assert whole("rlhf") == Played(12, 0)
    assert whole("rlhf-frozen-steps") == Played(54, 0)
    assert whole("rlhf-frozen-steps").games == whole("gpo").games == 54 * 384
    assert whole("gpo").seconds(Cost(defend=2.0, attack=0.5)) == 45.0


def test_seconds_are_those_that_every_arm_has_had() -> None:
    from gatekeeper_study.budgets import LONGEST, seconds_budget
    from gatekeeper_study.costs import Cost

    prices = dict.fromkeys(LONGEST, Cost(1.0, 1.0))
    assert seconds_budget(prices) == 54.0
    assert seconds_budget(prices | {"rlhf-steps": Cost(defend=0.5)}) == 27.0


def test_the_frontier_is_what_nothing_beats_in_both() -> None:
    from gatekeeper_study.figures import frontier

    points = [(0.5, 0.9), (0.1, 0.5), (0.2, 0.4), (0.1, 0.6), (0.5, 0.9), (0.7, 0.9)]
    assert frontier(points) == [(0.1, 0.6), (0.5, 0.9)]


def table(**arms: Sequence[float]) -> Any:
    from gatekeeper_study.tables import make_table

    rows = {arm: [{"ASR": value, "x": float("nan")} for value in of] for arm, of in arms.items()}
    return make_table("Made up", rows, ("ASR", "x"))


def test_a_table_shows_means_with_intervals_and_dashes_where_there_is_nothing() -> None:
    found = table(a=[0.1, 0.2, 0.3])
    # The half-width of three numbers 0.1 apart: 0.1 / sqrt(3) times the t quantile 4.3027.
    assert found.lines()[-2] == "| a | 20.0 [-4.8, 44.8] | – |"
    assert found.as_record()["arms"]["a"] == {"ASR": [0.1, 0.2, 0.3], "x": [None] * 3}


@pytest.mark.parametrize(
    ("higher", "verdict"),
    [
        ([0.3, 0.4, 0.5], "holds"),
        ([0.0, 0.1, 0.2], "reversed"),
        ([0.0, 0.2, 0.5], "not shown"),
        ([0.1, 0.2, 0.3], "not shown"),
    ],
)
def test_an_ordering_holds_where_every_interval_is_above_0(
    higher: list[float], verdict: str
) -> None:
    from gatekeeper_study.claims import Comparison, Ordering
    from gatekeeper_study.orderings import ordering_lines

    # Paired over builds: none of these is 0.1 everywhere.
    found = table(
        a=np.add(higher, [0.0, 0.01, 0.0]).tolist(), b=[0.1, 0.2, 0.3], c=[-0.2, -0.1, 0.1]
    )
    pairs = [Comparison("defenders", "ASR", "b", "c"), Comparison("defenders", "ASR", "a", "b")]
    lines = ordering_lines([Ordering("a > b > c", tuple(pairs))], {"defenders": found})
    assert lines[2].startswith(f"| a > b > c | **{verdict}** | b | c | 26.7 [")
    assert lines[2].endswith("| holds |")
    assert lines[3].startswith("| | | a | b | ")
    assert lines[3].endswith(f"| {verdict} |")


def test_a_number_can_be_compared_with_a_fixed_one() -> None:
    from gatekeeper_study.claims import Comparison
    from gatekeeper_study.orderings import difference

    found = difference(Comparison("defenders", "ASR", "a", 0.8), table(a=[0.9, 1.0, 1.1]))
    assert found.mean == pytest.approx(0.2)
    assert found.low == pytest.approx(0.2 - 4.3027 * 0.1 / 3**0.5, abs=1e-4)


def test_every_claim_is_about_a_column_and_an_arm_that_there_are() -> None:
    from gatekeeper_study import attackers, claims, defenders, jailbreak, plan, temperatures

    columns = {
        "defenders": defenders.METRICS,
        "adversaries": attackers.OVERVIEW,
        "temperatures": (temperatures.RANGE, temperatures.RELATIVE),
        "jailbreak adversaries": jailbreak.ADVERSARY_METRICS,
        "jailbreak defenders": jailbreak.DEFENDER_METRICS,
    }
    arms = {
        "defenders": defenders.ARMS,
        "adversaries": ("paraphrase", *plan.ADVERSARIES),
        "temperatures": plan.HEATED,
        "jailbreak adversaries": jailbreak.ADVERSARIES,
        "jailbreak defenders": jailbreak.DEFENDERS,
    }
    orderings = (*claims.PAPER, *claims.BESIDE, *claims.JAILBREAK)
    assert len({ordering.name for ordering in claims.PAPER}) == len(claims.PAPER)
    for one in (pair for ordering in orderings for pair in ordering.comparisons):
        assert one.metric in columns[one.source]
        assert one.higher in arms[one.source]
        assert isinstance(one.lower, float) or one.lower in arms[one.source]
