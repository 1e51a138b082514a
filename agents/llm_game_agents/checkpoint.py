"""A run on disk: both players as Hugging Face folders, and what going on needs.

    PATH/
      adversary_0/  defender_0/   of every `LanguagePolicy`; weights in safetensors, of a policy
                                  on a shared base the adapter alone
      past/adversary_0/14/ …      as it was after 14 updates, where learners still meet it
      config.json                 knobs and stages
      state.pt                    optimisers, generators, diversity history (`weights_only`)
      SHA256SUMS                  of all other files

The folder is whole, or it is not there; see `sealed`.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from llm_game_agents.computing import PLAIN, Computing
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.meta_game import State
from llm_game_agents.player_folders import REFERENCE, PlayerFolders
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.processes import ALONE, Processes
from llm_game_agents.schedules import Stage
from llm_game_agents.sealed import damage, link_sealed, write_sealed
from llm_game_env.errors import ConfigurationError, TrainingError
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.players.protocol import Player
from llm_game_env.vector import VectorGame

if TYPE_CHECKING:
    from llm_game_agents.gpo import GPO

PAST = "past"
POSITION = ("stage_index", "stage_updates", "num_iterations", "num_rollouts")
_ARRAY = "numpy array"


def gather(run: "GPO") -> None:
    """Makes a run ready to be saved; all of its processes call it before one of them saves."""
    for learner in run.learners.values():
        learner.gather()


def save(
    path: str | Path,
    run: "GPO",
    *,
    earlier: Path | None = None,
    texts: Mapping[str, str] | None = None,
) -> Path:
    """Writes a run; an older checkpoint of the same name is replaced.

    Args:
        path: the folder.
        run: as it stands.
        earlier: a checkpoint that this very run has written. Players that have not changed since
            are hard links to its files, where the file system has them.
        texts: further files, by name.

    Raises:
        TrainingError: it cannot be written, because the disk is full, say. What was there of that
            name is whole.
    """
    final = Path(path)
    try:
        write_sealed(final, partial(_fill, run, earlier, texts or {}))
    except Exception as error:  # Full disks: OSError, RuntimeError, SafetensorError, Exception …
        raise cannot_write(final, error) from error
    return final


def cannot_write(path: Path, error: Exception) -> TrainingError:
    """What to raise where a file of a run cannot be written."""
    reason: BaseException | None = error
    while reason is not None and not isinstance(reason, OSError):
        reason = reason.__context__  # Where torch fails to write, its own error hides the system's.
    there = next(folder for folder in path.absolute().parents if folder.exists())
    return TrainingError(
        f"{str(path)!r} cannot be written ({reason or error or type(error).__name__}); "
        f"{shutil.disk_usage(there).free >> 20} MiB are free there: make room, then go on from "
        "what was saved before, which is whole"
    )


def _fill(run: "GPO", earlier: Path | None, texts: Mapping[str, str], folder: Path) -> None:
    for agent, player in run.players.items():
        if isinstance(player, LanguagePolicy):
            player.save(folder / agent)
            kept = earlier if run.config.anchor == "initial" else None
            _keep(folder, f"{agent}/{REFERENCE}", kept, player.save_reference)
    for agent, states in run.matchmaker.past.items():
        for state in states:
            player = cast(CausalLMPlayer, state.player)
            _keep(folder, f"{PAST}/{agent}/{state.updates}", earlier, player.save)
    config = {"config": run.config.as_record(), "stages": [asdict(stage) for stage in run.stages]}
    files = {"config.json": json.dumps(config, indent=1) + "\n", **texts}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    state = {
        "position": {name: getattr(run, name) for name in POSITION},
        "past": {
            agent: [state.updates for state in states]
            for agent, states in run.matchmaker.past.items()
        },
        "matchmaker": run.matchmaker.state_dict(),
        "learners": {agent: ppo.state_dict() for agent, ppo in run.learners.items()},
        "env": run.env.state_dict(),
    }
    # Given a path, torch would not let on why it cannot write.
    with (folder / "state.pt").open("wb") as file:
        torch.save(_arrays_to_tensors(state), file)


def _keep(folder: Path, part: str, earlier: Path | None, save: Callable[[Path], None]) -> None:
    """Links what an earlier checkpoint has of a player that learns no more, or saves it."""
    if earlier is None or not link_sealed(earlier, part, folder / part):
        save(folder / part)


def load(
    path: str | Path,
    env: VectorGame,
    adversary: Player | None = None,
    defender: Player | None = None,
    device: str | torch.device = "cpu",
    processes: Processes = ALONE,
    computing: Computing = PLAIN,
) -> "GPO":
    """Takes up a saved run.

    Args:
        path: what `save` returned.
        env: made as the run's own was.
        adversary, defender: needed where the player was no `LanguagePolicy`.
        device: where the players go.
        processes: that go on with it, each loading it; other ones than it was saved by if need be.
        computing: how the policies compute; the run's own, where it is to go on to the bit.

    Raises:
        ConfigurationError: there is no checkpoint at that path, one of its files is not what it
            was, or a player is missing.
    """
    from llm_game_agents.gpo import GPO

    folder = Path(path)
    try:
        if (problem := damage(folder)) is not None:
            raise ValueError(problem)
        record = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        state = torch.load(folder / "state.pt", weights_only=True, map_location=device)
    except (OSError, ValueError, RuntimeError, EOFError, UnpicklingError) as error:
        raise ConfigurationError(
            f"{str(path)!r} holds no checkpoint that can be read ({error}); give a folder that "
            "GPO.save wrote, or that of a run"
        ) from error
    config = GPOConfig.from_record(record["config"])
    folders = PlayerFolders(config.temperature, device, computing=computing)
    run = GPO(
        env,
        adversary or _load_player(folders, folder / "adversary_0"),
        defender or _load_player(folders, folder / "defender_0"),
        config,
        [Stage(**stage) for stage in record["stages"]],
        processes,
    )
    state = _tensors_to_arrays(state)
    for agent, learner in state["learners"].items():
        run.learners[agent].load_state_dict(learner)
    run.env.load_state_dict(state["env"])
    for name in POSITION:
        setattr(run, name, state["position"][name])
    run.matchmaker.load_state_dict(state["matchmaker"])
    for agent, updates in state["past"].items():
        run.matchmaker.past[agent] = [
            State(count, folders.past(folder / PAST / agent / str(count))) for count in updates
        ]
    return run


def _load_player(folders: PlayerFolders, folder: Path) -> LanguagePolicy:
    if not folder.exists():
        raise ConfigurationError(
            f"{str(folder)!r} is missing: that player was no LanguagePolicy; hand it to load()"
        )
    return folders.saved(folder)


def _arrays_to_tensors(value: Any) -> Any:
    """Numpy arrays as marked tensors: `weights_only` loading admits no numpy."""
    if isinstance(value, np.ndarray):
        return {_ARRAY: torch.from_numpy(value.copy())}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: _arrays_to_tensors(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_arrays_to_tensors(item) for item in value]
    return value


def _tensors_to_arrays(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            return value[_ARRAY].cpu().numpy()
        return {key: _tensors_to_arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tensors_to_arrays(item) for item in value]
    return value
