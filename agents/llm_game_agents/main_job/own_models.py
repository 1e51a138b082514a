"""GPO on one's own models: any Hugging Face causal language models and classifier."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from llm_game_agents.checkpoint_store import FOLDER, CheckpointStore
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.main_job.flags import RunFlags
from llm_game_agents.main_job.own_setup import computing, games, knobs, policies, require, stages
from llm_game_agents.main_job.request import INTERRUPTED, Request
from llm_game_agents.main_job.run_folder import fresh_folder, say_where_it_goes_on
from llm_game_agents.preflight import check_contexts, check_reward_model
from llm_game_agents.processes import Processes
from llm_game_agents.recorder import Recorder
from llm_game_agents.saved_run import learn_and_record, read_record, take_up, writing
from llm_game_env.evaluation import exchange_log
from llm_game_env.evaluation.curves import draw_curves
from llm_game_env.evaluation.results import write_results
from llm_game_env.vector import VectorGame


class Start(NamedTuple):
    """A run, its folder, and the record of what it has played already."""

    run: GPO
    folder: Path
    record: dict[str, Any] | None


def run(request: Request, processes: Processes) -> int:
    """Checks everything, trains, and saves both players below one folder; exit status."""
    require(request.flags)
    flags = replace(request.flags, device=processes.place(request.flags.device))
    request = request._replace(flags=flags)
    env = processes.together(lambda: games(flags, processes))
    start = taken_up if flags.resume else begun
    run, folder, record = start(request, env, processes)
    recorder = processes.together(lambda: _recorder(flags, run, folder, record))
    status = 0
    try:
        learn_and_record(run, recorder, save_every=flags.save_every)
    except KeyboardInterrupt:
        status = INTERRUPTED
        _say(processes, f"\ninterrupted; --resume {folder} goes on")
    finally:
        if processes.is_main and (saved := CheckpointStore(folder).paths):
            print(f"players and optimisers saved in {saved[-1]}")
    if processes.is_main:
        with writing(folder):
            finish(flags, run.config, recorder, folder)
    return status


def begun(request: Request, env: VectorGame, processes: Processes) -> Start:
    """A new run, checked."""
    flags = request.flags
    config = knobs(request)
    adversary, defender = processes.together(lambda: policies(request))
    check_contexts(env, adversary, defender, config)
    check_reward_model(env)
    run = GPO(env, adversary, defender, config, stages(flags), processes)
    return Start(run, processes.from_main(lambda: fresh_folder(flags.out, request.given)), None)


def taken_up(request: Request, env: VectorGame, processes: Processes) -> Start:
    """A saved run; players and knobs are those it was saved with.

    The folder of a run goes on in place; from a checkpoint a run goes on in a folder of its own.
    """
    check_reward_model(env)
    flags = request.flags
    path = Path(flags.resume)
    if not processes.from_main((path / FOLDER).exists):
        run = processes.together(
            lambda: GPO.load(
                path,
                env,
                device=flags.device,
                processes=processes,
                computing=computing(flags),
            )
        )
        record = processes.from_main(lambda: read_record(path))
        folder = processes.from_main(lambda: _fresh_folder_of(request, path))
        return Start(run, folder, record)
    run, record, found = take_up(
        path, env, processes, device=flags.device, computing=computing(flags)
    )
    if processes.is_main:
        say_where_it_goes_on(found)
    return Start(run, path, record)


def _fresh_folder_of(request: Request, checkpoint: Path) -> Path:
    """A folder of its own for what goes on from a checkpoint, with the exchanges of its run."""
    folder = fresh_folder(request.flags.out, request.given)
    exchanges = checkpoint.resolve().parent.parent / exchange_log.FILE
    if exchanges.exists():
        with writing(folder):
            shutil.copy(exchanges, folder)
    return folder


def _recorder(flags: RunFlags, run: GPO, folder: Path, record: dict[str, Any] | None) -> Recorder:
    with writing(folder):
        return Recorder(
            folder,
            run.total_updates,
            "gpo",
            judged=False,
            taken_up=record,
            writes=run.processes.is_main,
            wandb=flags.wandb,
            lines=True,
        )


def finish(flags: RunFlags, config: GPOConfig, recorder: Recorder, folder: Path) -> None:
    """Curves and results of what was played."""
    if recorder.points:
        draw_curves({"gpo": recorder.points}, folder / "curves.png")
        last = recorder.points[-1]
        print(f"last update: {last.stage} stage, mean score {last.score:.3f}")
    record = {
        "arm": "gpo",
        "games": recorder.games_played,
        "curves": [asdict(p) for p in recorder.points],
    }
    write_results(folder / "results.json", flags, config, [record])
    print(f"written to {folder}")


def _say(processes: Processes, line: str) -> None:
    if processes.is_main:
        print(line)
