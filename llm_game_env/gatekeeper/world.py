"""One build of the built-in world: its seed prompts, instruction, players and reward model."""

import json
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper.splits import Splits, seed_prompts, splits_from_json
from llm_game_env.seeds import Seed

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from llm_game_env.gatekeeper.learned_reward import GatekeeperReward

SHIPPED = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class World:
    """A build of the world, as `llm_game_env.gatekeeper.build` wrote it.

    Attributes:
        path: its folder.
        instruction: what the adversary is told.
        splits: which prompts are pre-collected, reachable and held out.
    """

    path: Path
    instruction: str
    splits: Splits

    @property
    def adversary(self) -> Path:
        """Folder of the SFT adversary."""
        return self.path / "adversary"

    @property
    def defender(self) -> Path:
        """Folder of the SFT defender."""
        return self.path / "defender"

    @property
    def seed_prompts(self) -> tuple[Seed, ...]:
        """The pre-collected prompts that are trained on."""
        return seed_prompts(self.splits.collected_train)

    @cached_property
    def reward_model(self) -> "GatekeeperReward":
        """The learned reward model."""
        # Imported where it is asked for: a game that the judge scores needs no torch.
        from llm_game_env.gatekeeper.learned_reward import GatekeeperReward

        return GatekeeperReward(self.path / "reward_model")

    @cached_property
    def encoder(self) -> "SentenceTransformer":
        """The sentence encoder of the embedding diversity."""
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(self.path / "encoder"), device="cpu")


def load_world(path: str | PathLike[str] = SHIPPED) -> World:
    """Opens a build of the world; the shipped one by default.

    Raises:
        ConfigurationError: there is no build at that path.
    """
    record_path = Path(path) / "world.json"
    try:
        record = json.loads(record_path.read_text(encoding="utf-8"))
        return World(Path(path), record["instruction"], splits_from_json(record["splits"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{str(path)!r} holds no build of the gatekeeper world ({error}); make one with "
            f"python -m llm_game_env.gatekeeper.build --out {path}"
        ) from error
