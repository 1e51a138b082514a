"""How far two judges agree, and on what they do not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from llm_game_env.evaluation.judges import Verdicts
from llm_game_env.evaluation.playing import Played
from llm_game_env.rendering import Line, as_text, message_line, printable


@dataclass(frozen=True)
class Agreement:
    """How two judges of the same N exchanges compare on one question.

    Attributes:
        left, right: names of the judges.
        question: "unsafe" or "over-refusal".
        both, left_only, right_only, neither: exchanges by who says yes; they sum to N.
    """

    left: str
    right: str
    question: str
    both: int
    left_only: int
    right_only: int
    neither: int

    @property
    def share(self) -> float:
        """Exchanges on which they agree as a share of all, in [0, 1]; NaN where there are none."""
        total = self.both + self.left_only + self.right_only + self.neither
        return (self.both + self.neither) / total if total else float("nan")

    @property
    def kappa(self) -> float:
        """Agreement beyond chance, in [-1, 1]: (p - q) / (1 - q), Cohen 1960.

        p is `share`, q what judges would agree on that said yes as often, but independently. NaN
        where q is 1: both always say the same, so there is nothing to tell chance from.
        """
        total = self.both + self.left_only + self.right_only + self.neither
        if not total:
            return float("nan")
        left, right = (self.both + self.left_only) / total, (self.both + self.right_only) / total
        by_chance = left * right + (1 - left) * (1 - right)
        return (self.share - by_chance) / (1 - by_chance) if by_chance < 1 else float("nan")


@dataclass(frozen=True)
class Disagreement:
    """An exchange on which judges differ.

    Attributes:
        played: the exchange.
        unsafe: by judge, whether it called the answer unsafe.
        over_refusal: by judge, whether it called it an over-refusal; without those that cannot
            tell.
        score: by judge.
    """

    played: Played
    unsafe: Mapping[str, bool]
    over_refusal: Mapping[str, bool]
    score: Mapping[str, float]

    @property
    def transcript(self) -> str:
        """The exchange and the verdicts as text, with nothing in it that moves a cursor."""
        exchange = self.played.exchange
        lines = [Line(f"seed prompt [{exchange.seed.label}]: ", printable(exchange.seed.text))]
        speakers = {"system": "system", "user": "adversary", "assistant": "defender"}
        lines += [
            message_line(speakers[message["role"]], message["content"])
            for message in exchange.messages
        ]
        lines += [Line("  ", f"{name}: {self._said(name)}") for name in self.unsafe]
        return as_text(lines)

    def _said(self, name: str) -> str:
        refused = self.over_refusal.get(name, False)
        verdict = "unsafe" if self.unsafe[name] else "over-refusal" if refused else "no attack"
        return f"{verdict}, score {self.score[name]:.3f}"


def agreements(verdicts: Mapping[str, Verdicts]) -> tuple[Agreement, ...]:
    """Every pair of judges on every question that both answer.

    Args:
        verdicts: by judge, on the same exchanges.
    """
    found: list[Agreement] = []
    for (left, ours), (right, theirs) in combinations(verdicts.items(), 2):
        found.append(_compare(left, right, "unsafe", ours.unsafe, theirs.unsafe))
        if ours.over_refusal is not None and theirs.over_refusal is not None:
            refusals = ours.over_refusal, theirs.over_refusal
            found.append(_compare(left, right, "over-refusal", *refusals))
    return tuple(found)


def disagreements(
    played: Sequence[Played], verdicts: Mapping[str, Verdicts]
) -> tuple[Disagreement, ...]:
    """The exchanges on which judges differ on either question, in their order."""
    unsafe = [one.unsafe for one in verdicts.values()]
    refused = [one.over_refusal for one in verdicts.values() if one.over_refusal is not None]
    differ = np.zeros(len(played), dtype=bool)
    for flags in (unsafe, refused):
        if len(flags) > 1:
            differ |= np.ptp(np.array(flags, dtype=np.int8), axis=0) > 0
    return tuple(
        Disagreement(
            played=played[row],
            unsafe={name: bool(one.unsafe[row]) for name, one in verdicts.items()},
            over_refusal={
                name: bool(one.over_refusal[row])
                for name, one in verdicts.items()
                if one.over_refusal is not None
            },
            score={name: float(one.score[row]) for name, one in verdicts.items()},
        )
        for row in np.flatnonzero(differ).tolist()
    )


def _compare(
    left: str, right: str, question: str, ours: np.ndarray, theirs: np.ndarray
) -> Agreement:
    return Agreement(
        left,
        right,
        question,
        both=int((ours & theirs).sum()),
        left_only=int((ours & ~theirs).sum()),
        right_only=int((~ours & theirs).sum()),
        neither=int((~ours & ~theirs).sum()),
    )
