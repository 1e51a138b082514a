"""What the text games take from the built-in world where an argument is left out."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, NamedTuple

from llm_game_env.checks import brief, check_choice
from llm_game_env.errors import ConfigurationError
from llm_game_env.formats import TokenSettings
from llm_game_env.formats.legal_texts import LegalTexts
from llm_game_env.formats.vocabulary import Vocabulary
from llm_game_env.rewards.protocol import RewardModel
from llm_game_env.rules import AGENTS
from llm_game_env.seeds import SeedSource

TOKEN_ARGUMENTS = (
    "tokenizer",
    "vocabulary",
    "max_tokens",
    "max_context",
    "action_mask",
    "illegal",
)

RewardChoice = RewardModel | Literal["judge"] | None


class Filled(NamedTuple):
    """The arguments, none of them left out but perhaps the instruction.

    Attributes:
        seed_prompts, reward_model: as `make_rules` takes them.
        instruction: None where the game's own default is meant.
        in_world: whether the built-in world is played with its own seed prompts.
    """

    seed_prompts: SeedSource
    reward_model: RewardModel
    instruction: str | None
    in_world: bool


def fill_from_world(
    seed_prompts: SeedSource | None, reward_model: RewardChoice, instruction: str | None
) -> Filled:
    """Fills what was left out from the built-in world; `"judge"` is its ground truth.

    Raises:
        ConfigurationError: the reward model is another string.
    """
    if isinstance(reward_model, str) and reward_model != "judge":
        raise ConfigurationError(
            f"reward_model={brief(reward_model)} must be a RewardModel, 'judge' or None"
        )
    in_world = seed_prompts is None
    if seed_prompts is None or reward_model is None or isinstance(reward_model, str):
        # Imported here: a game with its own seed prompts and rewards needs neither.
        from llm_game_env.gatekeeper.judge import JudgeScore
        from llm_game_env.gatekeeper.world import load_world

        world = load_world()
        instruction = world.instruction if instruction is None else instruction
        seed_prompts = world.seed_prompts if seed_prompts is None else seed_prompts
        if isinstance(reward_model, str):
            reward_model = JudgeScore()
        elif reward_model is None:
            reward_model = world.reward_model
    return Filled(seed_prompts, reward_model, instruction, in_world)


def choose_format(arguments: dict[str, Any]) -> TokenSettings | None:
    """Takes the arguments of the action format out of an environment's; None for "text".

    Args:
        arguments: of the environment, of which those of the format are removed.

    Raises:
        ConfigurationError: there is no such format, an argument of the tokens format is out of
            range, or is given with the text format.
    """
    action_format = arguments.pop("action_format", "text")
    check_choice("action_format", action_format, ("text", "tokens"))
    given = {name: arguments.pop(name) for name in TOKEN_ARGUMENTS if name in arguments}
    if action_format == "tokens":
        return _token_settings(**given)
    if given:
        raise ConfigurationError(
            f"{', '.join(given)} are arguments of action_format='tokens'; set that, or leave them "
            "out"
        )
    return None


def _token_settings(
    *,
    tokenizer: Any = None,
    vocabulary: Iterable[str] | None = None,
    action_mask: Literal["grammar"] | Mapping[str, Sequence[str]] | None = None,
    **settings: Any,
) -> TokenSettings:
    if tokenizer is None:
        from llm_game_env.gatekeeper.world import load_world

        tokenizer = load_world().defender
    if isinstance(tokenizer, str | PathLike):
        from llm_game_env.loading import load_tokenizer

        tokenizer = load_tokenizer(tokenizer)
    spelling = Vocabulary(tokenizer, vocabulary)
    texts: Mapping[str, Sequence[str]] = {}
    if isinstance(action_mask, str) and action_mask == "grammar":
        from llm_game_env.gatekeeper.corpus import playable_texts

        texts = playable_texts()
    elif isinstance(action_mask, Mapping) and action_mask.keys() <= set(AGENTS):
        texts = action_mask
    elif action_mask is not None:
        raise ConfigurationError(
            f"action_mask={brief(action_mask)} must be None, 'grammar', or texts by agent; the "
            f"agents are {list(AGENTS)}"
        )
    legal = {agent: LegalTexts(allowed, spelling) for agent, allowed in texts.items()}
    return TokenSettings(spelling, legal=legal, **settings)
