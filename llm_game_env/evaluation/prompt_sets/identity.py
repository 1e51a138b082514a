"""What players and judges are known by in files, so that none is taken for another."""

import hashlib
import re
from typing import Any

from llm_game_env.evaluation.judges import Judge
from llm_game_env.players.protocol import Player

_SAMPLED = 64  # values of each weight
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def player_identity(player: Player) -> dict[str, Any]:
    """How a player shows itself, its temperature, and a digest of its weights if it has any.

    Two scripted players of one class look alike here: give them different names.
    """
    return {
        "player": _shown(player),
        "temperature": getattr(player, "temperature", None),
        "weights": _digest(getattr(player, "model", None)),
    }


def judge_identity(judge: Judge) -> dict[str, Any]:
    """A judge's name and how it shows itself, with its model's path and rubric.

    Two judges of one class with different functions inside look alike here: name them differently.
    """
    model = getattr(judge, "model", None)
    path, rubric = getattr(model, "path", None), getattr(model, "rubric", None)
    return {
        "judge": judge.name,
        "shown": _shown(judge),
        "path": None if path is None else str(path),
        "rubric": None if rubric is None else repr(rubric),
    }


def _shown(thing: object) -> str:
    """Its `repr` without addresses, which differ from process to process."""
    return _ADDRESS.sub("", repr(thing))


def _digest(model: Any) -> str | None:
    """SHA-256 of a few values of every weight: another training step changes nearly all of them."""
    if not hasattr(model, "named_parameters"):
        return None
    digest = hashlib.sha256()
    for name, weight in model.named_parameters():
        digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}".encode())
        if weight.device.type != "meta":  # one that a device map has put on the disk
            values = weight.detach().flatten()[:_SAMPLED].float().cpu().numpy()
            digest.update(values.tobytes())
    return digest.hexdigest()
