"""One defender on one prompt set, with any number of judges; it goes on where it was cut off.

FOLDER/
  answers.jsonl            a header, then an answer a line, see `batch_log`
  verdicts/JUDGE.jsonl     a header, then a verdict a line, for each judge
  report.json, report.md   see `report`

Every batch of answers is on the disk before it is judged, and every batch of verdicts before the
next is asked for: whatever ends the process loses one batch at most, and a judge that fails loses
no answer. A further judge can be added later; nothing is asked again. Where answers are drawn on
this machine, the files of an evaluation that was cut off and resumed are to the bit those of one
that was not.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from llm_game_env.errors import EndpointError
from llm_game_env.evaluation.judges import Judge
from llm_game_env.evaluation.prompt_sets.asking import ask, exchange_of, in_batches
from llm_game_env.evaluation.prompt_sets.batch_log import BatchLog
from llm_game_env.evaluation.prompt_sets.identity import player_identity
from llm_game_env.evaluation.prompt_sets.judging import PATIENCE, JudgeSeat
from llm_game_env.evaluation.prompt_sets.prompt_set import PromptSet
from llm_game_env.evaluation.prompt_sets.report import PromptSetReport, make_report
from llm_game_env.evaluation.prompt_sets.settings import AskingSettings
from llm_game_env.evaluation.shares import check_judges
from llm_game_env.players.protocol import Player
from llm_game_env.rewards.protocol import Exchange


def evaluate_prompt_set(
    player: Player,
    prompts: PromptSet,
    judges: Sequence[Judge],
    folder: Path,
    settings: AskingSettings | None = None,
    *,
    shows_progress: bool | None = None,
) -> PromptSetReport:
    """Asks every prompt once, judges every answer, and writes the report.

    Args:
        player: the defender.
        prompts: what it is asked.
        judges: at least one, of different names.
        folder: for all files; with those of the same evaluation in it, this one goes on.
        settings: how it is asked.
        shows_progress: a bar on standard error; None shows one where that is a terminal.

    Returns:
        The report. Prompts that an endpoint did not answer, and answers that it did not judge, are
        counted in it and left out of its shares; to run again asks for them again.

    Raises:
        ConfigurationError: the folder holds an evaluation of other settings, or another process
            writes it, or judges are missing or of one name; nothing was asked then.
        EndpointError: an endpoint left three batches in a row without any answer.
        TrainingError: a file cannot be written.
        RewardError: a judge returned something unusable.
    """
    settings = AskingSettings() if settings is None else settings
    check_judges(judges)
    header = {
        "set": prompts.name,
        "prompts": prompts.digest,
        **settings.as_header(),
        **player_identity(player),
    }
    with ExitStack() as files:
        answers = files.enter_context(
            BatchLog(folder / "answers.jsonl", {"what": "answers", **header})
        )
        seats = [
            files.enter_context(JudgeSeat(judge, folder / "verdicts", header)) for judge in judges
        ]
        run = _Run(player, prompts, settings, answers, seats)
        run.judge_backlog()
        run.ask_all(None if shows_progress is None else not shows_progress)
        judged = [seat.judged for seat in seats]
        report = make_report(prompts, header, answers.rows, run.failed, judged)
    report.save(folder)
    return report


class _Run:
    """The loop and its state; `failed` is id of a prompt -> why it has no answer."""

    def __init__(
        self,
        player: Player,
        prompts: PromptSet,
        settings: AskingSettings,
        answers: BatchLog,
        seats: Sequence[JudgeSeat],
    ) -> None:
        self._player, self._settings, self._seats = player, settings, seats
        self._title, self._prompts, self._answers = prompts.name, prompts.prompts, answers
        self._silent = 0  # batches in a row without an answer
        self.failed: dict[str, str] = {}

    def judge_backlog(self) -> None:
        """Lets every judge judge the answers that it has not judged yet."""
        for seat in self._seats:
            known = seat.judged.rows
            places = [
                place
                for place, prompt in enumerate(self._prompts)
                if prompt.seed.id in self._answers.rows and prompt.seed.id not in known
            ]
            for batch in in_batches(places, self._settings.batch_size):
                seat.judge(self._exchanges(batch))

    def ask_all(self, hides_progress: bool | None) -> None:
        """Asks what has no answer yet, and has it judged."""
        known = self._answers.rows
        places = [i for i, prompt in enumerate(self._prompts) if prompt.seed.id not in known]
        with tqdm(
            total=len(self._prompts),
            initial=len(self._prompts) - len(places),
            desc=self._title,
            unit="prompt",
            disable=hides_progress,
        ) as bar:
            for batch in in_batches(places, self._settings.batch_size):
                for answered in in_batches(self._ask(batch), len(batch)):
                    exchanges = self._exchanges(answered)
                    for seat in self._seats:
                        seat.judge(exchanges)
                bar.update(len(batch))

    def _ask(self, batch: range) -> list[int]:
        """Writes the answers to a batch down; the places of those that have one."""
        prompts = self._prompts[batch.start : batch.stop]
        found = ask(self._player, prompts, batch.start, self._settings)
        self.failed |= {prompts[row].seed.id: why for row, why in found.failed.items()}
        if not found.responses:
            self._silent += 1
            self._give_up(found.failed)
            return []
        self._silent = 0
        self._answers.append(
            [
                {
                    "id": prompts[row].seed.id,
                    "kind": prompts[row].kind,
                    "category": prompts[row].category,
                    "prompt": prompts[row].seed.text,
                    "response": response,
                }
                for row, response in sorted(found.responses.items())
            ]
        )
        return [batch.start + row for row in sorted(found.responses)]

    def _give_up(self, failed: dict[int, str]) -> None:
        if self._silent == PATIENCE:
            raise EndpointError(
                f"{PATIENCE} batches in a row without an answer ({failed[min(failed)]}); check the "
                f"endpoint, then run again: {len(self._answers.rows)} answers are kept in "
                f"{str(self._answers.path)!r}",
                {},
                failed,
            )

    def _exchanges(self, batch: range) -> list[Exchange]:
        prompts = self._prompts[batch.start : batch.stop]
        rows = self._answers.rows
        return [exchange_of(prompt, rows[prompt.seed.id]["response"]) for prompt in prompts]
