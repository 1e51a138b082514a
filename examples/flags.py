"""Command-line flags from a frozen dataclass: one flag a field, with the field's own words."""

import argparse
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from llm_game_agents.critic import CriticKind
from llm_game_agents.gpo_config import PAST_SHARE, GPOConfig
from llm_game_agents.opponents import LatestAndPast
from llm_game_agents.update_rules.ppo import PPOConfig
from llm_game_env import ConfigurationError
from llm_game_env.checks import check_choice

T = TypeVar("T")

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


DEFAULTS = GPOConfig()
PLAIN = PPOConfig()


def flag(default: Any, words: str, only: Literal["demo", "own models", ""] = "") -> Any:
    """A field with a default and a sentence for `--help`; `only` where one mode alone reads it."""
    help_text = f"{only}: {words}" if only else words
    return field(default=default, metadata={"help": help_text, "only": only})


@dataclass(frozen=True)
class RunFlags:
    """Flags of the main job; each field's metadata says what it is."""

    out: str = flag("runs/demo", "run folder; a number is added where it exists")
    seed: int = flag(0, "random seed of the run")
    threads: int = flag(1, "torch threads; small models are fastest with one or two")
    arms: str = flag("sft,rlhf,rlhf-frozen,gpo,gpo+div", "arms, by commas", "demo")
    rounds: int = flag(DEFAULTS.rounds, "rounds of a defend and an attack stage")
    defend_updates: int = flag(DEFAULTS.defend_updates, "PPO updates in a defend stage")
    attack_updates: int = flag(DEFAULTS.attack_updates, "PPO updates in an attack stage")
    games: int = flag(384, "games a batch")
    defender_learning_rate: float = flag(PLAIN.learning_rate, "of the defender", "own models")
    adversary_learning_rate: float = flag(PLAIN.learning_rate, "of the adversary", "own models")
    defender_kl_coef: float = flag(
        PLAIN.kl_coef, "price of KL to the reference, defender", "own models"
    )
    adversary_kl_coef: float = flag(
        PLAIN.kl_coef, "price of KL to the reference, adversary", "own models"
    )
    critic: str = flag(
        "head",
        "what values are read from: head, the player's own model; model, a second one of the same "
        "start (a second adapter with --lora-rank)",
        "own models",
    )
    critic_learning_rate: float = flag(
        0.0,
        f"of both critics; 0 for {PLAIN.critic_learning_rate} on a head and its player's rate on "
        "a model",
        "own models",
    )
    adversary_ent_coef: float = flag(0.0, "entropy bonus of the adversary", "own models")
    past_share: float = flag(
        PAST_SHARE, "share of a defend stage's games that earlier adversaries play"
    )
    adversary: str = flag("", "adversary, a folder or hub id", "own models")
    defender: str = flag("", "defender, a folder or hub id", "own models")
    reward_model: str = flag("", "a sequence classifier, a folder or hub id", "own models")
    reward_label: str = flag(
        "", "the label whose probability is the score; empty for a scalar", "own models"
    )
    reward_best: str = flag("", "the highest score; needed for a scalar", "own models")
    seed_prompts: str = flag("", "JSON, JSONL, CSV or Parquet", "own models")
    instruction: str = flag("", "what the adversary is told; holds {seed_prompt}", "own models")
    diversity: float = flag(1.0, "weight of SelfBLEU", "own models")
    temperature: float = flag(1.0, "of sampling", "own models")
    adversary_max_tokens: int = flag(64, "of one message", "own models")
    defender_max_tokens: int = flag(128, "of one message", "own models")
    lora_rank: int = flag(
        0,
        "learn adapters of this rank on a frozen base, one base where both players name the same "
        "or adapters of the same; 0 for whole models",
        "own models",
    )
    device: str = flag("cpu", "where the models run", "own models")
    save_every: int = flag(
        5, "updates between checkpoints, besides those at the ends of stages; 0 for none"
    )
    resume: str = flag(
        "", "go on in this run folder, or from a checkpoint; other flags as they were", "own models"
    )

    def __post_init__(self) -> None:
        for name in ("threads", "rounds", "defend_updates", "attack_updates", "games"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name}={getattr(self, name)} must be at least 1")
        for name in ("seed", "save_every", "lora_rank"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name}={getattr(self, name)} must be at least 0")
        check_choice("critic", self.critic, get_args(CriticKind))
        self._refuse_flags_of_the_other_mode()

    @property
    def names_own_models(self) -> bool:
        """Whether any model or prompt of the user's own is named."""
        return any((self.adversary, self.defender, self.reward_model, self.seed_prompts))

    def _refuse_flags_of_the_other_mode(self) -> None:
        mode = "own models" if self.names_own_models else "demo"
        for item in fields(self):
            only = item.metadata["only"]
            if only not in ("", mode) and getattr(self, item.name) != item.default:
                name = f"--{item.name.replace('_', '-')}"
                remedy = (
                    "name --adversary, --defender, --reward-model and --seed-prompts with it"
                    if mode == "demo"
                    else "leave it out"
                )
                raise ConfigurationError(f"{name} is for {only} only; {remedy}")


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


def gpo_config(flags: RunFlags) -> GPOConfig:
    """GPO's knobs as the flags that both modes read give them."""
    return GPOConfig(
        defend_updates=flags.defend_updates,
        attack_updates=flags.attack_updates,
        rounds=flags.rounds,
        defender_plays=LatestAndPast(flags.past_share),
        seed=flags.seed,
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
