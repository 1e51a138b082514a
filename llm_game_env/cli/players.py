"""Players by words, as the command line names them.

| words | player |
|---|---|
| `builtin:adversary`, `builtin:defender` | the built-in world's SFT players |
| `builtin:refusal` | refuses whatever it is asked |
| `script:FILE` | says one of the file's texts: one a line, or a JSON list in a `.json` file |
| `endpoint:URL#MODEL` | a model behind an OpenAI-compatible endpoint |
| a folder | a saved player: a Hugging Face model, or an adapter as peft saves it |
| a folder of a run or checkpoint | one of its two players, where it is known which is wanted |
| anything else, such as `Qwen/Qwen2.5-0.5B-Instruct` | a model on the Hugging Face hub |
"""

import argparse
import json
import re
from pathlib import Path

from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.world import load_world
from llm_game_env.players import EndpointPlayer, Player, ScriptedPlayer
from llm_game_env.rules import AGENTS

PLAYER_WORDS = (
    "a folder or hub id of a model, a run's folder, builtin:adversary, builtin:defender, "
    "builtin:refusal, script:FILE or endpoint:URL#MODEL"
)
MODEL_FILES = ("config.json", "adapter_config.json")
_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


def add_player_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that `open_player` takes besides the words."""
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        help="of models and endpoints; 0 takes the most probable token (default: 1.0)",
    )
    parser.add_argument("--device", default="cpu", help="where models run (default: cpu)")


def open_player(
    words: str, *, agent: str | None = None, temperature: float = 1.0, device: str = "cpu"
) -> Player:
    """The player that the words name, see the module.

    Args:
        words: one of the forms of the module's table.
        agent: "adversary_0" or "defender_0", whose player is taken out of a folder that holds
            both; None where such a folder is to be refused.
        temperature: at which models and endpoints write, at least 0.
        device: where models run.

    Raises:
        ConfigurationError: the words name nothing that can be opened.
    """
    kind, colon, rest = words.partition(":")
    if colon and kind in ("builtin", "script", "endpoint"):
        if kind == "script":
            return ScriptedPlayer(_texts(Path(rest)))
        if kind == "endpoint":
            return _endpoint(rest, temperature)
        if rest == "refusal":
            return ScriptedPlayer(REFUSALS)
        return _model(_builtin(rest), temperature, device)
    if words and Path(words).expanduser().exists():
        return _model(_player_folder(Path(words).expanduser(), agent), temperature, device)
    if not _HUB_ID.fullmatch(words):
        raise ConfigurationError(f"player={words!r} is no folder that exists; give {PLAYER_WORDS}")
    return _model(words, temperature, device)


def hide_loading_bars() -> None:
    """Lets models load without bars, which would break up what a command prints."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def _model(path: Path | str, temperature: float, device: str) -> Player:
    # Imported here: a scripted player or an endpoint needs no torch.
    import torch

    from llm_game_agents.player_folders import PlayerFolders

    hide_loading_bars()
    try:
        torch.device(device)
    except RuntimeError as error:
        raise ConfigurationError(
            f"device={device!r} cannot be used ({error}); give cpu or cuda"
        ) from error
    return PlayerFolders(temperature, device).past(Path(path))


def _builtin(name: str) -> Path:
    if name not in ("adversary", "defender"):
        raise ConfigurationError(
            f"player='builtin:{name}' is none of the built-in ones; give builtin:adversary, "
            "builtin:defender or builtin:refusal"
        )
    world = load_world()
    return world.adversary if name == "adversary" else world.defender


def _player_folder(path: Path, agent: str | None) -> Path:
    """The folder of the one player that is meant."""
    if _holds_player(path):
        return path
    pair = next((folder for folder in _pairs(path) if _holds_pair(folder)), None)
    if pair is None:
        raise ConfigurationError(
            f"player={str(path)!r} holds no player; give a folder with {' or '.join(MODEL_FILES)} "
            "in it, or the folder of a run or of one of its checkpoints"
        )
    if agent is None:
        raise ConfigurationError(
            f"player={str(path)!r} holds two players; give "
            f"{' or '.join(str(pair / name) for name in AGENTS)}"
        )
    if not _holds_player(pair / agent):
        raise ConfigurationError(f"player={str(path)!r} holds no {agent}; give another player")
    return pair / agent


def _pairs(path: Path) -> list[Path]:
    """Where both players of a run may lie: in the folder, or in its newest checkpoint."""
    checkpoints = sorted((path / "checkpoints").glob("update-*[0-9]"))
    return [path, *reversed(checkpoints)]


def _holds_pair(path: Path) -> bool:
    return any(_holds_player(path / agent) for agent in AGENTS)


def _holds_player(path: Path) -> bool:
    return any((path / name).exists() for name in MODEL_FILES)


def _texts(path: Path) -> list[str]:
    """The texts of a script, blank lines left out."""
    try:
        content = path.expanduser().read_text(encoding="utf-8")
        texts = json.loads(content) if path.suffix == ".json" else content.splitlines()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"player='script:{path}' cannot be read ({error}); give a UTF-8 file with one text a "
            "line, or a .json file with a list of texts"
        ) from error
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ConfigurationError(f"player='script:{path}' must hold a JSON list of strings")
    kept = [text for text in texts if text.strip()]
    if not kept:
        raise ConfigurationError(f"player='script:{path}' holds no text; write one a line into it")
    return kept


def _endpoint(words: str, temperature: float) -> EndpointPlayer:
    url, _, model = words.partition("#")
    if not url or not model:
        raise ConfigurationError(
            f"player='endpoint:{words}' must be endpoint:URL#MODEL, such as "
            "endpoint:http://localhost:8000/v1#qwen"
        )
    return EndpointPlayer(model, base_url=url, temperature=temperature)
