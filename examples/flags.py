"""Command-line flags from a frozen dataclass: one flag a field, with the field's own words."""

import argparse
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from llm_game_agents.gpo import GPOConfig
from llm_game_agents.ppo import PPOConfig
from llm_game_env import ConfigurationError

T = TypeVar("T")

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


DEFAULTS = GPOConfig()


def flag(default: Any, words: str) -> Any:
    """A field with a default and a sentence for `--help`."""
    return field(default=default, metadata={"help": words})


@dataclass(frozen=True)
class RunFlags:
    """Flags of the main job; each field's metadata says what it is."""

    out: str = flag("runs/demo", "run folder; a number is added where it exists")
    seed: int = flag(0, "random seed of the run")
    threads: int = flag(1, "torch threads; small models are fastest with one or two")
    arms: str = flag("sft,rlhf,rlhf-frozen,gpo,gpo+div", "arms of the demo, by commas")
    rounds: int = flag(DEFAULTS.rounds, "rounds of a defend and an attack stage")
    defend_updates: int = flag(DEFAULTS.defend_updates, "PPO updates in a defend stage")
    attack_updates: int = flag(DEFAULTS.attack_updates, "PPO updates in an attack stage")
    games: int = flag(96, "games a batch")
    defender_learning_rate: float = flag(DEFAULTS.defender.learning_rate, "of the defender")
    adversary_learning_rate: float = flag(DEFAULTS.adversary.learning_rate, "of the adversary")
    defender_kl_coef: float = flag(
        DEFAULTS.defender.kl_coef, "price of KL to the reference, defender"
    )
    adversary_kl_coef: float = flag(
        DEFAULTS.adversary.kl_coef, "price of KL to the reference, adversary"
    )
    past_share: float = flag(
        DEFAULTS.past_share, "share of a defend stage's games that earlier adversaries play"
    )
    adversary: str = flag("", "your own models: adversary, a folder or hub id")
    defender: str = flag("", "your own models: defender, a folder or hub id")
    reward_model: str = flag("", "your own models: a sequence classifier, a folder or hub id")
    reward_label: str = flag("", "its label whose probability is the score; empty for a scalar")
    reward_best: str = flag("", "its highest score; needed for a scalar")
    seed_prompts: str = flag("", "your own seed prompts: JSON, JSONL, CSV or Parquet")
    instruction: str = flag("", "what the adversary is told; holds {seed_prompt}")
    diversity: float = flag(1.0, "weight of SelfBLEU with your own models")
    temperature: float = flag(1.0, "of sampling, with your own models")
    adversary_max_tokens: int = flag(64, "of one message, with your own models")
    defender_max_tokens: int = flag(128, "of one message, with your own models")
    device: str = flag("cpu", "where your own models run")

    def __post_init__(self) -> None:
        for name in ("threads", "rounds", "defend_updates", "attack_updates", "games"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name}={getattr(self, name)} must be at least 1")
        if self.seed < 0:
            raise ConfigurationError(f"seed={self.seed} must be at least 0")

    @property
    def names_own_models(self) -> bool:
        """Whether any model or prompt of the user's own is named."""
        return any((self.adversary, self.defender, self.reward_model, self.seed_prompts))


def add_flags(parser: argparse.ArgumentParser, kind: type) -> None:
    """One flag for each field of a dataclass whose fields all have defaults."""
    for item in fields(kind):
        default = None if item.default is MISSING else item.default
        parser.add_argument(
            f"--{item.name.replace('_', '-')}",
            type=type(default),
            default=default,
            help=f"{item.metadata['help']} (default: {'none' if default == '' else default})",
        )


def read_flags(arguments: argparse.Namespace, kind: type[T]) -> T:
    """The dataclass that the arguments fill."""
    return kind(**vars(arguments))


def gpo_config(flags: RunFlags, **messages: Any) -> GPOConfig:
    """GPO's knobs as the flags give them; `messages` are those on length and temperature."""
    return GPOConfig(
        defend_updates=flags.defend_updates,
        attack_updates=flags.attack_updates,
        rounds=flags.rounds,
        defender=PPOConfig(
            learning_rate=flags.defender_learning_rate, kl_coef=flags.defender_kl_coef
        ),
        adversary=PPOConfig(
            learning_rate=flags.adversary_learning_rate, kl_coef=flags.adversary_kl_coef
        ),
        past_share=flags.past_share,
        seed=flags.seed,
        **messages,
    )


def fresh_folder(wanted: str) -> Path:
    """The folder, or the first of folder-2, folder-3 … that does not exist; made."""
    path, number = Path(wanted), 1
    while path.exists():
        number += 1
        path = Path(f"{wanted}-{number}")
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise ConfigurationError(
            f"the run folder {str(path)!r} cannot be made ({error}); give another one as --out"
        ) from error
    return path
