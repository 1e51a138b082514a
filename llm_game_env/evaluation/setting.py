"""What is held equal over all players that are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from llm_game_env.checks import MOST, check_whole
from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards.function import FunctionReward
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.rules import Rules, make_rules
from llm_game_env.seeds import Seed, SeedSource

_WHOLE = ("turns", "games_per_seed", "adversary_max_tokens", "defender_max_tokens", "batch_size")


@dataclass(frozen=True)
class Setting:
    """The games that an evaluation plays: one from every seed prompt, in order, or several.

    Attributes:
        seed_prompts: what games start from, see `load_seed_prompts`.
        instruction: what the adversary is told, see `make_rules`; None for the game's default.
            With "{seed_prompt}" and an `EchoPlayer` the seed prompts themselves are asked.
        turns: exchanges in a game.
        games_per_seed: games from every seed prompt: all of them once, then all of them again.
        adversary_max_tokens, defender_max_tokens: of one message.
        system_prompts: by agent, see `make_rules`.
        categories: id of a seed prompt -> its category; that of all others is "".
        batch_size: the most games at a time. It changes no draw of a language model, and what it
            writes by rounding alone.

    Raises:
        ConfigurationError: an argument is out of range, or a category is that of no seed prompt.
        SeedPromptError: the seed prompts cannot be read.
    """

    seed_prompts: SeedSource
    instruction: str | None = None
    turns: int = 1
    games_per_seed: int = 1
    adversary_max_tokens: int = 32
    defender_max_tokens: int = 20
    system_prompts: Mapping[str, str] | None = None
    categories: Mapping[str, str] = field(default_factory=dict)
    batch_size: int = 256

    def __post_init__(self) -> None:
        for name in _WHOLE:
            check_whole(name, getattr(self, name))
        known = {seed.id for seed in self.seeds}
        if unknown := [name for name in self.categories if name not in known]:
            raise ConfigurationError(
                f"categories has {unknown[0]!r}, which is the id of no seed prompt; its keys are "
                "ids of seed prompts, its values their categories"
            )

    @cached_property
    def rules(self) -> Rules:
        """The rules of the games, in which everything scores 0: judges come afterwards."""
        return make_rules(
            seed_prompts=self.seed_prompts,
            reward_model=FunctionReward(_nothing),
            instruction=self.instruction,
            system_prompts=self.system_prompts,
            max_turns=self.turns,
            max_chars=MOST,
        )

    @property
    def seeds(self) -> tuple[Seed, ...]:
        """The seed prompts as they were read, each with its id."""
        return self.rules.seeds

    @property
    def num_games(self) -> int:
        """How many games there are."""
        return len(self.seeds) * self.games_per_seed

    def seed_of(self, game: int) -> Seed:
        """The seed prompt of one of the games."""
        return self.seeds[game % len(self.seeds)]


def _nothing(exchanges: Sequence[Exchange]) -> list[float]:
    return [0.0] * len(exchanges)
