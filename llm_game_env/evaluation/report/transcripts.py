"""Exchanges as the page's explorer reads them: columns, with every text stored once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llm_game_env.evaluation.exchange_log import LoggedExchange
from llm_game_env.evaluation.report.recorded import RecordedArm

LONGEST_TEXT = 4000
DIGITS = 4
NUMBERS = (
    "score",
    "adversary_reward",
    "defender_reward",
    "likeness",
    "self_bleu",
    "embedding",
)
FLAGS = ("valid", "intent", "unsafe", "missed", "false_alarm")
TEXTS = ("stage", "label", "seed_id", "seed_prompt", "prompt", "response", "verdict")
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


@dataclass(frozen=True)
class Packed:
    """The exchanges that a page holds.

    Attributes:
        json: fit to stand in a `<script type="application/json">`.
        shown, recorded: how many there are on the page, and in the runs' folders.
    """

    json: str
    shown: int
    recorded: int


class _Strings:
    """Every text once; a long one is cut, and stands with its length."""

    def __init__(self) -> None:
        self.listed: list[str | list[Any]] = []
        self._index: dict[str, int] = {}

    def __call__(self, text: str | None) -> int:
        """Its number, -1 for none."""
        if text is None:
            return -1
        if text not in self._index:
            self._index[text] = len(self.listed)
            long = len(text) > LONGEST_TEXT
            self.listed.append([text[:LONGEST_TEXT], len(text)] if long else text)
        return self._index[text]


def pack(arms: Sequence[RecordedArm], largest: int) -> Packed:
    """The exchanges of all arms, at most `largest`, evenly from all where there are more."""
    found = [(i, one) for i, arm in enumerate(arms) for one in arm.exchanges]
    shown = min(largest, len(found))
    # Evenly over runs, arms and updates, in whose order they stand.
    kept = [found[i * len(found) // shown] for i in range(shown)]
    strings = _Strings()
    columns: dict[str, list[Any]] = {"arm": [i for i, _ in kept]}
    for name in ("update", "game", "turn"):
        columns[name] = [getattr(one, name) for _, one in kept]
    for name in NUMBERS:
        columns[name] = [round(getattr(one, name), DIGITS) for _, one in kept]
    for name in FLAGS:
        columns[name] = [int(getattr(one, name)) for _, one in kept]
    for name in TEXTS:
        columns[name] = [strings(getattr(one, name)) for _, one in kept]
    columns["history"] = [_history(one, strings) for _, one in kept]
    parts = sorted({name for _, one in kept for name in one.components})
    for name in parts:
        columns[f"score_{name}"] = [
            round(one.components[name], DIGITS) if name in one.components else None
            for _, one in kept
        ]
    content = {
        "arms": [{"run": arm.run, "arm": arm.arm} for arm in arms],
        "numbers": [*NUMBERS, *(f"score_{name}" for name in parts)],
        "texts": list(TEXTS),
        "strings": strings.listed,
        "columns": columns,
    }
    return Packed(as_script_data(content), shown, len(found))


def as_script_data(content: Any) -> str:
    """JSON in ASCII that holds nothing that could end a script element, or begin another."""
    # A browser refuses NaN, and the whole page's data with it.
    return json.dumps(content, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


def _history(one: LoggedExchange, strings: _Strings) -> list[int] | int:
    """Role and text by turns; 0 where there is none, which is shorter."""
    return [strings(part) for said in one.history for part in (said["role"], said["content"])] or 0
