"""One judge of a prompt set with the file of its verdicts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from llm_game_env.errors import EndpointError
from llm_game_env.evaluation.judges import Judge, Verdicts, verdicts_of
from llm_game_env.evaluation.prompt_sets.batch_log import BatchLog
from llm_game_env.evaluation.prompt_sets.identity import judge_identity
from llm_game_env.evaluation.prompt_sets.report import Judged
from llm_game_env.rewards.protocol import Exchange

PATIENCE = 3
"""Batches in a row without any answer or verdict, after which an endpoint is taken to be gone."""


_SAFE = " ()=+,"  # Whatever else is no letter or figure is escaped in the name of a file.


class JudgeSeat:
    """A judge that keeps its verdicts, and puts up with an endpoint that fails now and then.

    Args:
        judge: any judge.
        folder: for the file.
        answers: the header of the answers that it judges.

    Raises:
        ConfigurationError: its file holds verdicts on other answers, or of another judge.
        TrainingError: the file cannot be written.
    """

    def __init__(self, judge: Judge, folder: Path, answers: Mapping[str, Any]) -> None:
        self._judge = judge
        header = {"what": "verdicts", **judge_identity(judge), "answers": dict(answers)}
        self._log = BatchLog(folder / f"{quote(judge.name, safe=_SAFE)}.jsonl", header)
        self._failures = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._log.close()

    @property
    def judged(self) -> Judged:
        """What it has said so far."""
        return Judged(self._judge.name, self._judge.tells_refusals, self._log.rows)

    def judge(self, exchanges: Sequence[Exchange]) -> None:
        """Judges a batch and writes the verdicts down; without them where its endpoint fails.

        Where the endpoint names the exchanges that it failed on, the others are judged once more
        without them; a judge with a cache is not paid for them twice.

        Raises:
            EndpointError: it has failed for `PATIENCE` batches in a row.
            RewardError: it returned something unusable.
            TrainingError: the file cannot be written.
        """
        try:
            try:
                verdicts = verdicts_of(self._judge, exchanges)
            except EndpointError as error:
                names_all = len(error.failed) + len(error.completed) == len(exchanges)
                if not names_all or not error.completed:
                    raise
                exchanges = [one for row, one in enumerate(exchanges) if row not in error.failed]
                verdicts = verdicts_of(self._judge, exchanges)
        except EndpointError as error:
            self._failures += 1
            if self._failures < PATIENCE:
                return
            raise EndpointError(
                f"judge {self._judge.name!r} failed for {PATIENCE} batches in a row ({error}); "
                "check its endpoint, then run again: all answers and verdicts are kept",
                error.completed,
                error.failed,
            ) from error
        self._failures = 0
        self._log.append([_row(one, verdicts, row) for row, one in enumerate(exchanges)])


def _row(exchange: Exchange, verdicts: Verdicts, row: int) -> dict[str, Any]:
    refused = verdicts.over_refusal
    return {
        "id": exchange.seed.id,
        "unsafe": bool(verdicts.unsafe[row]),
        "over_refusal": None if refused is None else bool(refused[row]),
        "score": float(verdicts.score[row]),
    }
