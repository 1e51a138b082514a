"""Playing a run so that it is on record, and can be taken up whatever stops it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from llm_game_agents.checkpoint import cannot_write, gather
from llm_game_agents.checkpoint_store import CheckpointStore, Found
from llm_game_agents.gpo import GPO
from llm_game_agents.iteration import Iteration
from llm_game_agents.processes import ALONE, Processes
from llm_game_agents.recorder import Recorder
from llm_game_env.rules import ADVERSARY, AGENTS
from llm_game_env.vector import VectorGame

RECORD = "record.json"

Rank = Callable[[GPO, Iteration], float | None]
"""`rank(run, iteration)`: how good the run is after an update, or None where that is not known."""


class TakenUp(NamedTuple):
    """A run that goes on.

    Attributes:
        run: as it stood.
        record: of what was played, for `Recorder`; None where the checkpoint has none.
        found: where it was found.
    """

    run: GPO
    record: dict[str, Any] | None
    found: Found


def defender_score(run: GPO, iteration: Iteration) -> float | None:
    """The mean score of an update's games, where it says how well the defender holds out.

    Where the adversary learns, that is at the end of an attack stage: the defender has then met an
    adversary that had a whole stage to learn against it. In a defend stage a high score may only
    mean that the adversary was not up to it.
    """
    adversary_learns = any(AGENTS[ADVERSARY] in stage.learners for stage in run.stages)
    kind = iteration.stage.kind
    if adversary_learns and (kind == "defend" or (kind == "attack" and run.stage_updates)):
        return None
    return float(np.mean([exchange.score for exchange in iteration.exchanges]))


def learn_and_record(
    run: GPO,
    recorder: Recorder,
    watch: Callable[[Iteration], None] | None = None,
    *,
    save_every: int = 0,
    keep: int = 2,
    rank: Rank = defender_score,
) -> None:
    """Plays a run's schedule; saves it at its start, as it goes, and at its end.

    A run that ends in the middle of an update, by an error or a second Ctrl-C, leaves the last
    checkpoint before that update: nothing that goes on from half an update is the same run.

    Args:
        run: not yet finished.
        recorder: sees every update; closed at the end. Checkpoints go into its folder, written by
            the main one of several processes.
        watch: sees every update after the recorder, before it is saved.
        save_every: updates between checkpoints; each stage's end has one besides.
        keep: see `CheckpointStore`.
        rank: by which the best checkpoint is known.

    Raises:
        ConfigurationError: the folder holds checkpoints that the run has yet to reach.
        TrainingError: something cannot be written; the last checkpoint is whole.
    """
    store = CheckpointStore(recorder.folder, keep)
    processes = run.processes

    def save(score: float | None = None) -> None:
        gather(run)
        processes.from_main(lambda: save_here(score))

    def save_here(score: float | None) -> None:
        with writing(recorder.folder):
            texts = {RECORD: json.dumps(recorder.as_record()) + "\n"}
        store.save(run, score, texts)

    def record(iteration: Iteration) -> None:
        with writing(recorder.folder):
            recorder(iteration)

    def see(iteration: Iteration) -> None:
        processes.together(lambda: record(iteration))
        if watch is not None:
            watch(iteration)
        stage_is_over = run.stage_updates == 0
        if stage_is_over or (save_every and run.num_iterations % save_every == 0):
            save(rank(run, iteration))

    try:
        processes.from_main(lambda: store.refuse_later_than(run.num_iterations))
        save()
        try:
            run.learn(see)
        finally:
            if not run.is_amid_update:
                save()
    finally:
        with writing(recorder.folder):
            recorder.close()


def take_up(
    path: str | Path, env: VectorGame, processes: Processes = ALONE, **arguments: Any
) -> TakenUp:
    """The newest intact checkpoint of a run's folder; damaged newer ones are deleted there.

    Args:
        path: of the run.
        env: made as the run's own was.
        processes: that go on with it; they see the same folder.
        arguments: for `GPO.load`.

    Raises:
        ConfigurationError: no checkpoint can be used.
    """
    store = CheckpointStore(path)
    found = processes.from_main(store.newest_intact)
    run = processes.together(lambda: GPO.load(found.path, env, processes=processes, **arguments))
    record = processes.from_main(lambda: read_record(found.path))
    processes.from_main(lambda: store.discard(found))
    return TakenUp(run, record, found)


def read_record(path: Path) -> dict[str, Any] | None:
    """The record in a checkpoint, None where it was saved without."""
    file = path / RECORD
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Says what to do where the disk does not take what is written below a run's folder.

    Raises:
        TrainingError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(Path(error.filename or folder), error) from error
