"""What the text games take from the built-in world where an argument is left out."""

from typing import Literal, NamedTuple

from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards.protocol import RewardModel
from llm_game_env.seeds import SeedSource

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
            f"reward_model={reward_model!r} must be a RewardModel, 'judge' or None"
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


def check_action_format(action_format: str) -> None:
    """Refuses a form of actions that there is not.

    Raises:
        ConfigurationError: it is not "text".
    """
    if action_format != "text":
        raise ConfigurationError(f"action_format={action_format!r} must be 'text'")
