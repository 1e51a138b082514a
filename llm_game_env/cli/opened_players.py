"""Players that are opened when it is their turn."""

from collections.abc import Callable, Iterator, Mapping

from llm_game_env.players import Player


class Opened(Mapping[str, Player]):
    """Players by name; each is opened anew whenever it is looked up, and kept by nobody.

    Args:
        openers: name -> what opens the player.
    """

    def __init__(self, openers: Mapping[str, Callable[[], Player]]) -> None:
        self._openers = openers

    def __getitem__(self, name: str) -> Player:
        return self._openers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._openers)

    def __len__(self) -> int:
        return len(self._openers)
