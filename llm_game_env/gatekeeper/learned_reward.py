"""The world's learned reward model, as a game takes it."""

from os import PathLike

from llm_game_env.gatekeeper.grammar import parse
from llm_game_env.rewards import ClassifierReward


class GatekeeperReward(ClassifierReward):
    """The world's learned reward model: P(good), good but not perfect, with a blind spot."""

    def __init__(self, path: str | PathLike[str]) -> None:
        super().__init__(path, label="good")

    def is_well_formed(self, prompt: str) -> bool:
        """Whether the prompt is a question of the grammar."""
        return parse(prompt) is not None
