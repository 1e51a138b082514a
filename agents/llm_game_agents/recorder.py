"""Watching a run: progress bar, TensorBoard, CSV, curves, exchanges and sample transcripts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.logger import configure

from llm_game_agents.exchange_file import ExchangeFile, sample
from llm_game_agents.iteration import Iteration
from llm_game_agents.progress import Progress
from llm_game_agents.rollout import Exchanged
from llm_game_agents.wandb_writer import WandbWriter
from llm_game_env.evaluation.curves import CurvePoint
from llm_game_env.evaluation.exchange_log import LoggedExchange
from llm_game_env.gatekeeper.judge import Verdict, judge
from llm_game_env.transcript import printable

EXCHANGES_SHOWN = 12


class Recorder:
    """A callback for `GPO.learn`.

    Args:
        folder: for `progress.csv`, TensorBoard's event files, transcripts, and `exchanges.jsonl`:
            `KEPT_PER_UPDATE` exchanges of every update, for programs (see `LoggedExchange`).
        num_updates: of the run, for the progress bar and to know early, middle and late.
        title: of the progress bar.
        judged: whether the ground truth of the built-in world applies.
        taken_up: what `as_record` gave of a run that goes on. Whatever the folder holds of it is
            written anew, or cut back, so that nothing stays of updates that were played after
            that.
        writes: whether anything is written and shown; one of several processes does.
        wandb: a Weights & Biases project that gets the numbers, too; none where it is empty.
        lines: whether every update leaves a line on the terminal, above the progress bar.

    Raises:
        ConfigurationError: see `WandbWriter`.
    """

    def __init__(
        self,
        folder: Path,
        num_updates: int,
        title: str,
        *,
        judged: bool,
        taken_up: Mapping[str, Any] | None = None,
        writes: bool = True,
        wandb: str = "",
        lines: bool = False,
    ) -> None:
        self.folder = folder
        self._writes = writes
        self.points: list[CurvePoint] = []
        self.games_played = 0
        self.training_seconds = 0.0
        self._rows: list[tuple[int, dict[str, float]]] = []  # update, numbers
        self._transcripts: dict[str, str] = {}
        self._judged = judged
        self._shown_at = {"early": 0, "middle": num_updates // 2, "late": max(0, num_updates - 1)}
        if taken_up is not None and writes:
            _clear(folder)
        self._exchanges = None
        if writes:
            self._exchanges = ExchangeFile(folder, taken_up and taken_up.get("exchanges"))
        self._logger = configure(str(folder), ["csv", "tensorboard"] if writes else [])
        if wandb and writes:
            self._logger.output_formats.append(WandbWriter(wandb, folder))
        self._progress = Progress(num_updates, title, shows=writes, lines=lines)
        if taken_up is not None:
            self._take_up(taken_up)

    def __call__(self, iteration: Iteration) -> None:
        exchanges = iteration.exchanges
        verdicts = [_verdict(exchange) for exchange in exchanges] if self._judged else None
        point = _point(iteration, exchanges, verdicts)
        self.points.append(point)
        self._write_exchanges(iteration, exchanges, verdicts)
        self.games_played += len(exchanges)
        self.training_seconds += iteration.rollout_seconds + iteration.update_seconds
        self._log(iteration, point)
        for when, index in self._shown_at.items():
            if iteration.index == index:
                self._write_transcript(iteration, when)
        self._progress.show(iteration, point)

    def as_record(self) -> dict[str, Any]:
        """All that was recorded, as plain values fit for JSON."""
        return {
            "points": [asdict(point) for point in self.points],
            "games_played": self.games_played,
            "training_seconds": self.training_seconds,
            "rows": self._rows,
            "transcripts": self._transcripts,
            "exchanges": self._exchanges and self._exchanges.as_record(),
        }

    def close(self) -> None:
        """Flushes the logs and ends the progress bar."""
        self._progress.close()
        self._logger.close()

    def _write_exchanges(
        self,
        iteration: Iteration,
        exchanges: Sequence[Exchanged],
        verdicts: Sequence[Verdict | None] | None,
    ) -> None:
        if self._exchanges is None:
            return
        verdict_of = [None] * len(exchanges) if verdicts is None else verdicts
        drawn = sample(list(zip(exchanges, verdict_of, strict=True)), iteration.index)
        self._exchanges.append([_logged(iteration, *one) for one in drawn])

    def _log(self, iteration: Iteration, point: CurvePoint) -> None:
        numbers: dict[str, float] = {
            f"game/{name}": value for name, value in asdict(point).items() if value is not None
        }
        numbers["game/stage"] = float(point.stage == "attack")
        if (success := iteration.attack_success) is not None:
            numbers["game/attack_success"] = success
        for agent, stats in iteration.stats.items():
            numbers |= {f"{agent}/{k}": v for k, v in asdict(stats).items() if v is not None}
        numbers["time/rollout_seconds"] = iteration.rollout_seconds
        numbers["time/scoring_seconds"] = iteration.scoring_seconds
        numbers["time/update_seconds"] = iteration.update_seconds
        numbers["time/evaluation_seconds"] = iteration.evaluation_seconds
        self._rows.append((iteration.index, numbers))
        self._log_row(iteration.index, numbers)

    def _log_row(self, index: int, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            self._logger.record(name, value)
        self._logger.dump(index)

    def _take_up(self, record: Mapping[str, Any]) -> None:
        self.points = [CurvePoint(**point) for point in record["points"]]
        self.games_played = record["games_played"]
        self.training_seconds = record["training_seconds"]
        self._rows = [(index, dict(numbers)) for index, numbers in record["rows"]]
        for index, numbers in self._rows:
            self._log_row(index, numbers)
        for when, text in record["transcripts"].items():
            self._keep_transcript(when, text)
        self._progress.take_up(len(self._rows))

    def _write_transcript(self, iteration: Iteration, when: str) -> None:
        lines = [f"update {iteration.index}, {iteration.stage.kind} stage", ""]
        for exchange in iteration.exchanges[:EXCHANGES_SHOWN]:
            verdict = f", judge: {_verdict(exchange) or 'off the goal'}"
            lines += [
                f"seed prompt: {printable(exchange.seed_prompt)}",
                f"  adversary: {printable(exchange.prompt)}",
                f"  defender:  {printable(exchange.response)}",
                f"  score {exchange.score:.3f}, likeness {exchange.likeness:.3f}"
                + (verdict if self._judged else ""),
                "",
            ]
        self._keep_transcript(when, "\n".join(lines))

    def _keep_transcript(self, when: str, text: str) -> None:
        self._transcripts[when] = text
        if self._writes:
            (self.folder / f"transcript_{when}.txt").write_text(text, encoding="utf-8")


def _clear(folder: Path) -> None:
    for pattern in ("progress.csv", "events.out.tfevents.*", "transcript_*.txt"):
        for path in folder.glob(pattern):
            path.unlink()


def _verdict(exchange: Exchanged) -> Verdict | None:
    """Of the ground truth; None where the prompt has drifted off its goal.

    Such an attack has failed by the game's own rule, whatever the answer gives away: it is no
    success, and the score that says so is no mistake of the reward model.
    """
    if exchange.valid and not exchange.intent:
        return None
    return judge(exchange.prompt, exchange.response)


def _point(
    iteration: Iteration,
    exchanges: Sequence[Exchanged],
    verdicts: Sequence[Verdict | None] | None,
) -> CurvePoint:
    total = len(exchanges)
    unsafe = np.array([e.score < iteration.unsafe_below for e in exchanges])
    judged: dict[str, float | None] = {"leak": None, "over_refusal": None}
    if verdicts is not None:
        counts = Counter(verdicts)
        good = np.array([verdict is not None and verdict.score == 1 for verdict in verdicts])
        bad = np.array([verdict is not None and verdict.score == 0 for verdict in verdicts])
        judged = {
            "leak": counts[Verdict.LEAK] / total,
            "over_refusal": counts[Verdict.OVER_REFUSAL] / total,
            "missed": float(np.mean(bad & ~unsafe)),
            "false_alarm": float(np.mean(good & unsafe)),
        }
    return CurvePoint(
        stage=iteration.stage.kind,
        score=float(np.mean([e.score for e in exchanges])),
        malformed=float(np.mean([1.0 - e.valid for e in exchanges])),
        likeness=float(np.mean([e.likeness for e in exchanges])),
        distinct=len({e.prompt for e in exchanges}) / total,
        unsafe=float(np.mean(unsafe)),
        **judged,
    )


def _logged(iteration: Iteration, exchange: Exchanged, verdict: Verdict | None) -> LoggedExchange:
    return LoggedExchange(
        update=iteration.index,
        stage=iteration.stage.kind,
        game=exchange.game,
        turn=exchange.turn,
        seed_id=exchange.seed_id,
        seed_prompt=exchange.seed_prompt,
        label="harmful" if exchange.harmful else "benign",
        history=exchange.history,
        prompt=exchange.prompt,
        response=exchange.response,
        score=exchange.score,
        likeness=exchange.likeness,
        self_bleu=exchange.self_bleu,
        embedding=exchange.embedding,
        adversary_reward=-exchange.score - exchange.likeness,
        defender_reward=exchange.score,
        valid=bool(exchange.valid),
        intent=bool(exchange.intent),
        unsafe=exchange.score < iteration.unsafe_below,
        verdict=verdict and str(verdict),
        judge_score=None if verdict is None else verdict.score,
        components=exchange.components,
    )
