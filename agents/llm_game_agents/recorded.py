"""Configurations that a checkpoint remembers by the name of their class."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Self

from llm_game_env.checks import brief
from llm_game_env.errors import ConfigurationError


class Recorded:
    """Base of a family of frozen dataclasses; a new kind is known once its class is defined."""

    def as_record(self) -> dict[str, Any]:
        """The knobs as plain values, with the name of the class under "kind"."""
        return {"kind": type(self).__name__, **asdict(self)}  # pyright: ignore[reportArgumentType]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """What `as_record` recorded.

        Raises:
            ConfigurationError: no class of that name has been defined, or it has other knobs.
        """
        knobs = dict(record)
        name = knobs.pop("kind", None)
        kinds = {kind.__name__: kind for kind in _descendants(cls)}
        if name not in kinds:
            raise ConfigurationError(
                f"there is no {cls.__name__} {name!r} among {sorted(kinds)}; import the module "
                "that defines it first"
            )
        try:
            return kinds[name](**knobs)
        except TypeError as error:
            raise ConfigurationError(f"{brief(record)} is no {name}: {error}") from error


def _descendants(kind: type[Any]) -> Iterator[type[Any]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)
