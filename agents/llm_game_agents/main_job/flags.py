"""Command-line flags from a frozen dataclass: one flag a field, with the field's own words."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar, get_args

from llm_game_agents.critic import CriticKind
from llm_game_agents.gpo_config import PAST_SHARE, GPOConfig
from llm_game_env import ConfigurationError
from llm_game_env.checks import check_choice

T = TypeVar("T")
Mode = Literal["demo", "own models"]

SCHEDULES = ("alternating", "simultaneous", "defender-only", "adversary-only")
DEFAULTS = GPOConfig()


def flag(
    default: Any, words: str, only: Mode | Literal[""] = "", *, may_change: bool = False
) -> Any:
    """A field with a default and a sentence for `--help`.

    Args:
        default: of the field.
        words: what it is.
        only: where one mode alone reads it.
        may_change: whether a run that is resumed may have another one.
    """
    help_text = f"{only}: {words}" if only else words
    metadata = {"help": help_text, "only": only, "may_change": may_change}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class RunFlags:
    """Flags of the main job; each field's metadata says what it is."""

    out: str = flag("runs/demo", "run folder; a number is added where it exists", may_change=True)
    seed: int = flag(0, "random seed of the run")
    threads: int = flag(
        1, "torch threads; small models are fastest with one or two", may_change=True
    )
    arms: str = flag("sft,rlhf,rlhf-frozen,gpo,gpo+div", "arms, by commas", "demo")
    rounds: int = flag(DEFAULTS.rounds, "rounds of a defend and an attack stage")
    defend_updates: int = flag(DEFAULTS.defend_updates, "updates in a defend stage")
    attack_updates: int = flag(DEFAULTS.attack_updates, "updates in an attack stage")
    games: int = flag(384, "games a batch")
    critic: str = flag(
        "head",
        "what values are read from: head, the player's own model; model, a second one of the same "
        "start (a second adapter with --lora-rank), which learns at its player's rate by default",
        "own models",
    )
    past_share: float = flag(
        PAST_SHARE, "share of a defend stage's games that earlier adversaries play", "demo"
    )
    schedule: str = flag("alternating", f"who learns when, {', '.join(SCHEDULES)}", "own models")
    safe_below: float = flag(
        0.0, "attack success at which a defend stage ends early; 0 for no such end", "own models"
    )
    broken_above: float = flag(
        0.0, "attack success at which an attack stage ends early; 0 for no such end", "own models"
    )
    anchor: str = flag(
        DEFAULTS.anchor,
        "what the KL is taken to: each player as given (initial), or as its stage began (stage)",
        "own models",
    )
    adversary: str = flag("", "adversary, a folder or hub id", "own models")
    defender: str = flag("", "defender, a folder or hub id", "own models")
    reward_model: str = flag(
        "", "a sequence classifier, a folder or hub id", "own models", may_change=True
    )
    reward_label: str = flag(
        "", "the label whose probability is the score; empty for a scalar", "own models"
    )
    reward_best: str = flag("", "the highest score; needed for a scalar", "own models")
    seed_prompts: str = flag("", "JSON, JSONL, CSV or Parquet", "own models", may_change=True)
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
    lora_alpha: int = flag(0, "α of adapters; 0 for twice the rank", "own models")
    lora_targets: str = flag(
        "", "layers with adapters, by commas, such as q_proj,v_proj; all linear ones", "own models"
    )
    device: str = flag("cpu", "where the models run", "own models", may_change=True)
    precision: str = flag(
        "float32",
        "float32, or bf16: frozen weights are kept in it, learnt ones run under autocast",
        "own models",
    )
    gradient_checkpointing: bool = flag(
        False, "keep less for an update's gradient and compute it again", "own models"
    )
    compile: bool = flag(False, "compile an update's forward pass", "own models")
    fused_activation: bool = flag(
        False, "GPT-2's activation in one kernel; values differ by 5e-7 at most", "own models"
    )
    coarse_gradients: bool = flag(
        False, "backward passes multiply in bfloat16; gradients differ by 0.4 %", "own models"
    )
    device_map: str = flag(
        "", "spread the references and the reward model, such as auto", "own models"
    )
    dry_run: bool = flag(
        False, "print the memory that the run needs, and load nothing", "own models"
    )
    wandb: str = flag("", "a Weights & Biases project that gets the metrics, too", may_change=True)
    save_every: int = flag(
        5,
        "updates between checkpoints, besides those at the ends of stages; 0 for none",
        may_change=True,
    )
    resume: str = flag(
        "",
        "go on in this run folder, or, with your own models, from one checkpoint",
        may_change=True,
    )

    def __post_init__(self) -> None:
        for name in ("threads", "rounds", "defend_updates", "attack_updates", "games"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name}={getattr(self, name)} must be at least 1")
        for name in ("seed", "save_every", "lora_rank", "lora_alpha"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name}={getattr(self, name)} must be at least 0")
        if not self.lora_rank and (self.lora_alpha or self.lora_targets):
            raise ConfigurationError(
                "--lora-alpha and --lora-targets are of adapters; give --lora-rank with them"
            )
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("critic", self.critic, get_args(CriticKind))
        self._refuse_flags_of_the_other_mode()

    @property
    def mode(self) -> Mode:
        """Which of the two programs is meant."""
        return "own models" if self.names_own_models else "demo"

    @property
    def names_own_models(self) -> bool:
        """Whether any model or prompt of the user's own is named."""
        return any((self.adversary, self.defender, self.reward_model, self.seed_prompts))

    def _refuse_flags_of_the_other_mode(self) -> None:
        for item in fields(self):
            only = item.metadata["only"]
            if only not in ("", self.mode) and getattr(self, item.name) != item.default:
                raise of_the_other_mode(item.name, only)


def of_the_other_mode(name: str, only: Mode) -> ConfigurationError:
    """What to raise where a flag of one mode is given in the other."""
    remedy = "leave it out"
    if only == "own models":
        remedy = "name --adversary, --defender, --reward-model and --seed-prompts with it"
    return ConfigurationError(f"{as_flag(name)} is for {only} only; {remedy}")


def as_flag(name: str) -> str:
    """A field's name as the command line has it."""
    return f"--{name.replace('_', '-')}"


def add_flags(parser: argparse.ArgumentParser, kind: type) -> None:
    """One flag for each field of a dataclass whose fields all have defaults."""
    for item in fields(kind):
        default = "none" if item.default == "" else item.default
        kind_of: dict[str, Any] = {"type": type(item.default)}
        if isinstance(item.default, bool):
            kind_of = {"action": argparse.BooleanOptionalAction}
        parser.add_argument(
            as_flag(item.name),
            **kind_of,
            help=f"{item.metadata['help']} (default: {default})".replace("%", "%%"),
        )


def read_flags(given: Mapping[str, Any], kind: type[T]) -> T:
    """The dataclass that flags fill.

    Args:
        given: those that the command line has, by name; others than the dataclass's are left.
        kind: the dataclass.
    """
    names = {item.name for item in fields(kind)}  # pyright: ignore[reportArgumentType]
    return kind(**{name: value for name, value in given.items() if name in names})
