"""What an evaluation on a prompt set is run with."""

from dataclasses import dataclass
from typing import Any

from llm_game_env.checks import check_seed, check_whole
from llm_game_env.errors import ConfigurationError


@dataclass(frozen=True)
class AskingSettings:
    """How a defender is asked.

    Attributes:
        name: of the defender, for tables; with its own identity it keeps answers of different
            players apart.
        max_tokens: of an answer, in the player's tokens.
        system_prompt: before every conversation; None for none.
        seed: of the answers. Each prompt's random numbers are keyed by it and the prompt's place
            in the set.
        batch_size: prompts at a time: the most that an interruption loses. It changes no draw of
            a language model, and what it writes by rounding alone; so it may differ when an
            evaluation is resumed.

    Raises:
        ConfigurationError: an argument is out of range.
    """

    name: str = "defender"
    max_tokens: int = 256
    system_prompt: str | None = None
    seed: int = 0
    batch_size: int = 16

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConfigurationError(f"name={self.name!r} must be a text, the defender's name")
        check_whole("max_tokens", self.max_tokens)
        check_whole("batch_size", self.batch_size)
        check_seed("seed", self.seed)

    def as_header(self) -> dict[str, Any]:
        """What answers depend on, as JSON has it."""
        return {
            "name": self.name,
            "max_tokens": self.max_tokens,
            "system_prompt": self.system_prompt,
            "seed": self.seed,
        }
