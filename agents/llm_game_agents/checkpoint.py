"""A run on disk: both players as Hugging Face folders, and what going on needs.

    PATH/
      adversary_0/  defender_0/   of every `LanguagePolicy`; weights in safetensors, of a policy
                                  on a shared base the adapter alone
      past/adversary_0/0/ …       earlier states that learners still meet
      config.json                 knobs and stages
      state.pt                    optimisers, generators, diversity history (`weights_only`)

The folder is written under another name and then renamed: it is whole, or it is not there.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.meta_game import State
from llm_game_agents.player_folders import REFERENCE, PlayerFolders
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.schedules import Stage
from llm_game_env.errors import ConfigurationError
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.players.protocol import Player
from llm_game_env.vector import VectorGame

if TYPE_CHECKING:
    from llm_game_agents.gpo import GPO

PAST = "past"
POSITION = ("stage_index", "stage_updates", "num_iterations", "num_rollouts")
_ARRAY = "numpy array"


def save(path: str | Path, run: "GPO") -> Path:
    """Writes a run; an older checkpoint of the same name is replaced."""
    final = Path(path)
    partial = final.with_name(final.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for agent, player in run.players.items():
        if isinstance(player, LanguagePolicy):
            player.save(partial / agent)
            player.save_reference(partial / agent / REFERENCE)
    for agent, states in run.matchmaker.past.items():
        for index, state in enumerate(states):
            cast(CausalLMPlayer, state.player).save(partial / PAST / agent / str(index))
    config = {"config": run.config.as_record(), "stages": [asdict(stage) for stage in run.stages]}
    (partial / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
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
    torch.save(_arrays_to_tensors(state), partial / "state.pt")
    old = final.with_name(final.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if final.exists():
        final.rename(old)  # Deleting takes a while, in which an interrupt would leave half of it.
    partial.rename(final)
    shutil.rmtree(old, ignore_errors=True)
    return final


def load(
    path: str | Path,
    env: VectorGame,
    adversary: Player | None = None,
    defender: Player | None = None,
    device: str | torch.device = "cpu",
) -> "GPO":
    """Takes up a saved run.

    Args:
        path: what `save` returned.
        env: made as the run's own was.
        adversary, defender: needed where the player was no `LanguagePolicy`.
        device: where the players go.

    Raises:
        ConfigurationError: there is no checkpoint at that path, or a player is missing.
    """
    from llm_game_agents.gpo import GPO

    folder = Path(path)
    try:
        record = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        state = torch.load(folder / "state.pt", weights_only=True, map_location=device)
    except (OSError, ValueError, RuntimeError, EOFError, UnpicklingError) as error:
        raise ConfigurationError(
            f"{str(path)!r} holds no checkpoint that can be read ({error}); give a folder that "
            "GPO.save wrote"
        ) from error
    config = GPOConfig.from_record(record["config"])
    folders = PlayerFolders(config.temperature, device)
    run = GPO(
        env,
        adversary or _load_player(folders, folder / "adversary_0"),
        defender or _load_player(folders, folder / "defender_0"),
        config,
        [Stage(**stage) for stage in record["stages"]],
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
            State(count, folders.past(folder / PAST / agent / str(index)))
            for index, count in enumerate(updates)
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
