"""What a run logs, to Weights & Biases as well."""

from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import KVWriter

from llm_game_env.errors import ConfigurationError

ID_FILE = "wandb_id.txt"


class WandbWriter(KVWriter):
    """An output of Stable-Baselines3's logger.

    A run that is taken up goes on under its old id. What the service has of it already stays as it
    is there.

    Args:
        project: that the run belongs to.
        folder: of the run, whose name it gets; keeps the id.

    Raises:
        ConfigurationError: the library is not installed, or does not let the run begin.
    """

    def __init__(self, project: str, folder: Path) -> None:
        try:
            import wandb  # pyright: ignore[reportMissingImports] - an extra
        except ImportError as error:
            raise ConfigurationError(
                f"wandb={project!r} needs the wandb library; pip install 'llm-game-env[wandb]'"
            ) from error
        known = folder / ID_FILE
        try:
            self._run: Any = wandb.init(
                project=project,
                dir=str(folder),
                name=folder.name,
                id=known.read_text(encoding="utf-8") if known.exists() else None,
                resume="allow",
            )
        except wandb.Error as error:
            raise ConfigurationError(
                f"wandb={project!r}: the run cannot begin ({error}); log in with `wandb login`, "
                "set WANDB_MODE=offline, or leave it out"
            ) from error
        known.write_text(self._run.id, encoding="utf-8")

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        """Sends the numbers of an update, unless it was sent before."""
        if step >= self._run.step:
            self._run.log(dict(key_values), step=step)

    def close(self) -> None:
        """Waits until all is sent."""
        self._run.finish()
