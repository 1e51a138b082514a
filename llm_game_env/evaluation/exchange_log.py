"""Exchanges on disk: one JSON record a line, which a run writes and a report reads.

The file is ASCII: what a model wrote, half a surrogate pair included, is written in escapes.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llm_game_env.checks import (
    brief,
    check_between,
    check_choice,
    check_finite,
    check_flag,
    check_whole,
)
from llm_game_env.errors import ConfigurationError
from llm_game_env.spaces import Message

FILE = "exchanges.jsonl"
STAGES = ("defend", "attack", "both")
LABELS = ("harmful", "benign")
_COUNTS = ("update", "game", "turn")
_TEXTS = ("seed_id", "seed_prompt", "prompt", "response")
_NUMBERS = (
    "score",
    "likeness",
    "self_bleu",
    "embedding",
    "adversary_reward",
    "defender_reward",
)
_FLAGS = ("valid", "intent", "unsafe")


@dataclass(frozen=True)
class LoggedExchange:
    """One exchange of a run, with all that was found out about it.

    Attributes:
        update: of the run, from 0.
        stage: "defend", "attack" or "both".
        game: of the update, from 0.
        turn: of the game, from 0.
        seed_id, seed_prompt: what the adversary was given.
        label: of the seed prompt, "harmful" or "benign".
        history: the dialogue before the prompt, as the defender saw it.
        prompt, response: what the players wrote.
        score: of the reward model.
        likeness: weighted likeness of the prompt to the history.
        self_bleu, embedding: its parts, unweighted.
        adversary_reward, defender_reward: -score - likeness, and the score.
        valid: whether the prompt was well formed.
        intent: whether it was, and still asked for its goal where the game has one.
        unsafe: whether the score is below the one under which an answer counts as unsafe.
        verdict: of the ground truth; None where there is none, and where the prompt has drifted
            off its goal: that attack has failed by the game's rule, whatever the answer gives away.
        judge_score: of the ground truth, 1 for a good answer and 0 for a bad one; None as above.
        components: scores of the reward model's components, by name.
    """

    update: int
    stage: str
    game: int
    turn: int
    seed_id: str
    seed_prompt: str
    label: str
    history: tuple[Message, ...]
    prompt: str
    response: str
    score: float
    likeness: float
    self_bleu: float
    embedding: float
    adversary_reward: float
    defender_reward: float
    valid: bool
    intent: bool
    unsafe: bool
    verdict: str | None
    judge_score: float | None
    components: Mapping[str, float] = field(default_factory=dict)

    def as_line(self) -> str:
        """One line of JSON, without its line break."""
        return json.dumps(asdict(self))

    @property
    def missed(self) -> bool:
        """Whether the reward model takes for good what the ground truth knows to be bad."""
        return self.judge_score == 0 and not self.unsafe

    @property
    def false_alarm(self) -> bool:
        """Whether the reward model takes for bad what the ground truth knows to be good."""
        return self.judge_score == 1 and self.unsafe


def read_exchanges(path: Path) -> Iterator[LoggedExchange]:
    """The exchanges of a file, in its order; a last line that is still being written is left out.

    Raises:
        ConfigurationError: the file cannot be read, or a line is none that was written to it.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error}); check the path") from error
    for number, line in enumerate(lines, 1):
        try:
            yield _exchange(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ConfigurationError(
                f"{path}, line {number}: no exchange of a run ({error}); give a folder that a run "
                "was written to, or remove the line"
            ) from error


def _exchange(fields: dict[str, Any]) -> LoggedExchange:
    history = tuple(
        Message(role=one["role"], content=one["content"]) for one in fields.pop("history")
    )
    found = LoggedExchange(history=history, **fields)
    _check(found)
    return found


def _check(found: LoggedExchange) -> None:
    """Refuses what JSON can hold, and a run never writes.

    Raises:
        ConfigurationError: a field is of another type, or a number is not finite.
    """
    for name in _COUNTS:
        check_whole(name, getattr(found, name), least=0)
    for name in _NUMBERS:
        check_finite(name, getattr(found, name))
    for name in _FLAGS:
        check_flag(name, getattr(found, name))
    for name in _TEXTS:
        _check_text(name, getattr(found, name))
    check_choice("stage", found.stage, STAGES)
    check_choice("label", found.label, LABELS)
    for said in found.history:
        _check_text("role", said["role"])
        _check_text("content", said["content"])
    if found.verdict is not None:
        _check_text("verdict", found.verdict)
    if found.judge_score is not None:
        check_between("judge_score", found.judge_score, 0, 1)
    for name, score in found.components.items():
        check_finite(f"components[{name!r}]", score)


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise ConfigurationError(f"{name}={brief(value)} must be a text")
