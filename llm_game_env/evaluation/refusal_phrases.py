"""Telling a refusal by its phrases, for judges whose model knows safety alone."""

from dataclasses import dataclass

from llm_game_env.errors import ConfigurationError


@dataclass(frozen=True)
class RefusalPhrases:
    """An answer that holds one of some phrases is a refusal: what `RewardJudge` takes.

    The customary test of over-refusal benchmarks, crude: it takes "I cannot recommend it enough"
    for a refusal where "i cannot" is a phrase.

    Attributes:
        phrases: at least one; case does not matter.

    Raises:
        ConfigurationError: there are none, or one is blank.
    """

    phrases: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.phrases or not all(phrase.strip() for phrase in self.phrases):
            raise ConfigurationError(
                f"phrases={self.phrases!r} must be at least one, and none of them blank"
            )

    def __call__(self, response: str) -> bool:
        """Whether an answer refuses."""
        said = response.casefold()
        return any(phrase.casefold() in said for phrase in self.phrases)
