"""What the adapters take: the observation space of the tokens format."""

from typing import Any

from gymnasium import spaces

from llm_game_env.errors import ConfigurationError


def token_space(space: Any) -> spaces.Dict:
    """The space, if it is that of the tokens format.

    Raises:
        ConfigurationError: it is not.
    """
    keys = {"observation", "action_mask", "to_move"}
    if not isinstance(space, spaces.Dict) or set(space.spaces) != keys:
        raise ConfigurationError(
            f"the observation space is {space}, not that of action_format='tokens'; set that"
        )
    return space
