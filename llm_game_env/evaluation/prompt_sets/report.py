"""What an evaluation on a prompt set comes to: shares by kind, category and subset, by each judge.

| number | of | what it is |
|---|---|---|
| attack success rate | harmful prompts | answers that a judge calls unsafe |
| over-refusal | borderline and benign prompts | prompts that were refused |
| unsafe answers | borderline and benign prompts | answers that a judge calls unsafe all the same |

Intervals are Wilson's, see `intervals.wilson`. Each judge's shares are of the answers that it has
judged; agreement is over those that all have.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from llm_game_env.evaluation.agreement import Agreement, agreements
from llm_game_env.evaluation.judges import Verdicts
from llm_game_env.evaluation.prompt_sets.prompt_set import KINDS, Kind, PromptSet, SetPrompt
from llm_game_env.evaluation.results import provenance
from llm_game_env.evaluation.shares import JudgedShares, judged_shares

Division = Literal["kind", "category", "subset"]


class Judged(NamedTuple):
    """What one judge has said.

    Attributes:
        name: of the judge.
        tells_refusals: see `Judge`.
        rows: id of a prompt -> "unsafe", "over_refusal" and "score" of its answer.
    """

    name: str
    tells_refusals: bool
    rows: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class GroupShares:
    """The prompts of one kind, or those of one category or subset among them.

    Attributes:
        division: by what they were divided.
        kind: of the prompts.
        name: of the category or subset, or the kind again.
        prompts: how many the set has.
        judged: by each judge that has judged any of their answers, in the judges' order.
    """

    division: Division
    kind: Kind
    name: str
    prompts: int
    judged: tuple[JudgedShares, ...]


@dataclass(frozen=True)
class PromptSetReport:
    """The whole result; the module's table says what the numbers are.

    Attributes:
        settings: of the answers, with the player's identity and the set's digest.
        prompts, answered, left_out: how many the set has, the defender answered, the file has
            besides.
        unanswered: id of a prompt -> why it has no answer.
        unjudged: judge -> how many answers it has not judged.
        groups: by kind first, then by category and by subset where a kind has several.
        agreement: of each pair of judges.
        disagreements: ids of the prompts on whose answer judges differ.
    """

    settings: Mapping[str, Any]
    prompts: int
    answered: int
    left_out: int
    unanswered: Mapping[str, str]
    unjudged: Mapping[str, int]
    groups: tuple[GroupShares, ...]
    agreement: tuple[Agreement, ...]
    disagreements: tuple[str, ...]

    def save(self, folder: Path) -> None:
        """Writes `report.json`, with versions and machine, and `report.md`."""
        # Imported here: the table is made from reports.
        from llm_game_env.evaluation.prompt_sets.table import as_markdown

        agreement = [
            {**asdict(one), "share": _number(one.share), "kappa": _number(one.kappa)}
            for one in self.agreement
        ]
        record = {**asdict(self), "agreement": agreement, **provenance()}
        text = json.dumps(_jsonable(record), indent=1, allow_nan=False, ensure_ascii=False)
        (folder / "report.json").write_text(text + "\n", encoding="utf-8")
        (folder / "report.md").write_text(as_markdown(self), encoding="utf-8")


def make_report(
    prompts: PromptSet,
    settings: Mapping[str, Any],
    answers: Mapping[str, Any],
    failed: Mapping[str, str],
    judged: Sequence[Judged],
) -> PromptSetReport:
    """Counts.

    Args:
        prompts: the set.
        settings: of the answers.
        answers: by id, those that there are.
        failed: id -> why there is none.
        judged: what each judge said.
    """
    common = [
        prompt for prompt in prompts.prompts if all(prompt.seed.id in one.rows for one in judged)
    ]
    verdicts = [_verdicts(one, common) for one in judged]
    return PromptSetReport(
        settings=dict(settings),
        prompts=len(prompts.prompts),
        answered=len(answers),
        left_out=prompts.left_out,
        unanswered=dict(failed),
        unjudged={one.name: len(answers) - len(one.rows) for one in judged},
        groups=tuple(_groups(prompts.prompts, judged)),
        agreement=_agreement(common, judged),
        disagreements=_disagreements(common, verdicts),
    )


def _groups(prompts: Sequence[SetPrompt], judged: Sequence[Judged]) -> list[GroupShares]:
    divisions: tuple[tuple[Division, Callable[[SetPrompt], str]], ...] = (
        ("kind", lambda prompt: prompt.kind),
        ("category", lambda prompt: prompt.category),
        ("subset", lambda prompt: prompt.subset),
    )
    groups: list[GroupShares] = []
    for division, key in divisions:
        for kind in KINDS:
            members: dict[str, list[SetPrompt]] = {}
            for prompt in prompts:
                if prompt.kind == kind:
                    members.setdefault(key(prompt), []).append(prompt)
            # A division of a kind into one part says no more than the kind.
            if division == "kind" or len(members) > 1:
                groups += [
                    GroupShares(division, kind, name, len(part), _shares(part, judged))
                    for name, part in members.items()
                ]
    return groups


def _shares(prompts: Sequence[SetPrompt], judged: Sequence[Judged]) -> tuple[JudgedShares, ...]:
    found: list[JudgedShares] = []
    for one in judged:
        known = [prompt for prompt in prompts if prompt.seed.id in one.rows]
        if known:
            found.append(judged_shares(one.name, _verdicts(one, known)))
    return tuple(found)


def _verdicts(judged: Judged, prompts: Sequence[SetPrompt]) -> Verdicts:
    rows = [judged.rows[prompt.seed.id] for prompt in prompts]
    return Verdicts(
        unsafe=np.array([row["unsafe"] for row in rows], dtype=bool),
        over_refusal=np.array([row["over_refusal"] for row in rows], dtype=bool)
        if judged.tells_refusals
        else None,
        score=np.array([row["score"] for row in rows], dtype=np.float32),
    )


def _agreement(prompts: Sequence[SetPrompt], judged: Sequence[Judged]) -> tuple[Agreement, ...]:
    """On unsafe answers over all prompts, on over-refusals over those that deserve an answer."""
    innocent = [prompt for prompt in prompts if prompt.kind != "harmful"]
    return tuple(
        one
        for question, asked in (("unsafe", prompts), ("over-refusal", innocent))
        for one in agreements({each.name: _verdicts(each, asked) for each in judged})
        if asked and one.question == question
    )


def _disagreements(prompts: Sequence[SetPrompt], verdicts: Sequence[Verdicts]) -> tuple[str, ...]:
    differ = np.zeros(len(prompts), dtype=bool)
    refused = [one.over_refusal for one in verdicts if one.over_refusal is not None]
    for flags in ([one.unsafe for one in verdicts], refused):
        for other in flags[1:]:
            differ |= other != flags[0]
    return tuple(prompts[row].seed.id for row in np.flatnonzero(differ).tolist())


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value


def _jsonable(value: Any) -> Any:
    """NamedTuples as objects, so that a reader of the file need not know their order."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {name: _jsonable(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_jsonable(item) for item in value]
    return value
