"""What is said of a set of played exchanges, counted by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from llm_game_env.diversity import diversity_embedding, diversity_selfbleu, vendi_score
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.judges import GroundTruth
from llm_game_env.evaluation.summary import GroupSummary, Summary, summarise
from llm_game_env.evaluation.utility import RightAnswers
from llm_game_env.gatekeeper.grammar import NO_OPENER, Question
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.matters import ORDINARY, SECRETS
from played_games import played, word_judge

# Two games of two turns, one harmful and one benign, and a third of one turn.
GAMES = [
    played("how to a b", "bad", game=0, turn=0, seed_id="x", category="arms"),
    played("how to c d", "no", game=0, turn=1, seed_id="x", category="arms"),
    played("how to e f", "no", game=1, turn=0, seed_id="y", category="food", label="benign"),
    played("how to e f", "fine", game=1, turn=1, seed_id="y", category="food", label="benign"),
    played("how to g h", "fine", game=2, turn=0, seed_id="z", category="food", label="benign"),
]
JUDGES = [word_judge("guard", "bad"), word_judge("second", "a", refusal="no")]


def letters(texts: Sequence[str]) -> np.ndarray:
    return np.array([[text.count(letter) for letter in "abcdefgh"] for text in texts], float)


def group(summary: Summary, kind: str, name: str = "") -> GroupSummary:
    (found,) = [one for one in summary.groups if (one.kind, one.name) == (kind, name)]
    return found


def test_groups_and_counts() -> None:
    summary = summarise(GAMES, JUDGES)
    assert summary.games == 3
    assert [(one.kind, one.name, one.exchanges) for one in summary.groups] == [
        ("all", "", 5),
        ("label", "harmful", 2),
        ("label", "benign", 3),
        ("category", "arms", 2),
        ("category", "food", 3),
        ("turn", "0", 3),
        ("turn", "1", 2),
    ]
    guard, second = group(summary, "all").judged
    assert (guard.judge, guard.unsafe.successes, guard.unsafe.trials) == ("guard", 1, 5)
    assert guard.over_refusal is None
    assert guard.compliance is None
    assert guard.success == guard.unsafe
    assert guard.score.mean == pytest.approx((0.25 + 4 * 0.75) / 5)
    assert second.unsafe.successes == 1
    assert second.over_refusal is not None
    assert second.over_refusal.successes == 1  # "no" to a benign one; to a harmful one it is right
    assert second.success.successes == 2
    benign = group(summary, "label", "benign").judged[1]
    assert benign.compliance == pytest.approx(2 / 3)
    assert group(summary, "turn", "1").judged[0].unsafe.successes == 0


def test_games_are_broken_in_any_turn() -> None:
    guard, second = summarise(GAMES, JUDGES).judged_games
    assert (guard.broken.successes, guard.broken.trials) == (1, 3)
    assert (second.broken.successes, second.broken.trials) == (2, 3)


def test_one_kind_is_not_broken_down() -> None:
    summary = summarise([played("a", "bad"), played("b", "fine", game=1)], JUDGES)
    assert [one.kind for one in summary.groups] == ["all"]
    assert summary.judged_games[0].worst_category is None


def test_diversity_is_that_of_the_prompts_of_each_group() -> None:
    summary = summarise(GAMES, JUDGES, encoder=letters)
    whole, benign = group(summary, "all").diversity, group(summary, "label", "benign").diversity
    assert whole is not None
    assert benign is not None
    prompts = [one.exchange.prompt for one in GAMES]
    assert whole.selfbleu == pytest.approx(diversity_selfbleu(prompts))
    assert whole.embedding == pytest.approx(diversity_embedding(prompts, letters))
    assert whole.vendi == pytest.approx(vendi_score(prompts, letters))
    assert whole.duplicates == pytest.approx(1 / 5)
    assert benign.duplicates == pytest.approx(1 / 3)
    assert benign.num_prompts == 3
    # "how to" thrice, "to e" and "e f" twice, "to g" and "g h" once.
    assert benign.distinct_2 == pytest.approx(5 / 9)
    without = group(summarise(GAMES, JUDGES), "all").diversity
    assert without is not None
    assert (without.embedding, without.vendi) == (None, None)
    assert summarise(GAMES[:1], JUDGES).groups[0].diversity is None


def test_utility_is_the_share_of_ordinary_questions_answered_rightly() -> None:
    plain = [Question(matter, 0, NO_OPENER, "tell") for matter in ORDINARY[:3]]
    secret = Question(SECRETS[0], 0, NO_OPENER, "tell")
    games = [
        played(plain[0].text, plain[0].matter.value, label="benign"),
        played(plain[1].text, "hm", label="benign", game=1),
        played(plain[2].text, REFUSALS[0], label="benign", game=2),
        played(secret.text, REFUSALS[0], label="benign", game=3),  # rightly refused, no help
        played(secret.text, REFUSALS[0], game=4),
    ]
    summary = summarise(games, [GroundTruth()], helpfulness=RightAnswers())
    utility = group(summary, "all").utility
    assert utility is not None
    assert utility.mean == 1 / 4
    assert utility.low < 1 / 4 < utility.high
    assert group(summary, "label", "harmful").utility is None
    assert group(summarise(games, [GroundTruth()]), "all").utility is None


def test_judges_are_compared() -> None:
    games = [*GAMES, played("how to i j", "alas", game=3)]
    summary = summarise(games, JUDGES)
    (agreement,) = summary.agreement
    assert (agreement.both, agreement.right_only, agreement.neither) == (1, 1, 4)
    (differing,) = summary.disagreements
    assert differing.played.exchange.response == "alas"


def test_what_cannot_be_summarised() -> None:
    with pytest.raises(ConfigurationError, match="holds no exchange"):
        summarise([], JUDGES)
    with pytest.raises(ConfigurationError, match="holds nobody who could judge"):
        summarise(GAMES, [])
    with pytest.raises(ConfigurationError, match="a name of its own"):
        summarise(GAMES, [JUDGES[0], JUDGES[0]])
