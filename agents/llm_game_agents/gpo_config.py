"""The knobs of a run of GPO, and a record of them that can be read back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from llm_game_agents.opponents import LatestAndPast, Opponents
from llm_game_agents.recorded import Recorded
from llm_game_agents.schedules import Stage, alternating
from llm_game_agents.update_rules import PPOConfig, UpdateRule
from llm_game_env.checks import brief, check_choice
from llm_game_env.errors import ConfigurationError
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER

Anchor = Literal["initial", "stage"]
PAST_SHARE = 0.5
"""Of a defend stage's games, how many earlier adversaries play by default."""


@dataclass(frozen=True)
class GPOConfig:
    """A run of GPO.

    Attributes:
        defend_updates, attack_updates: updates in a stage of either kind.
        rounds: how often the pair of stages is played.
        final_attack: whether the last round has its attack stage, which no defender answers.
        defender, adversary: how either player learns, and its knobs.
        defender_plays, adversary_plays: whom a learner meets in its stages. By default half of a
            defend stage's games are played by earlier adversaries; `LatestAndPast()` for both is
            the algorithm as printed.
        anchor: what the KL is taken to: "initial", the players as they were given, as in the
            paper's practical algorithm; "stage", each player as it was when its stage began, which
            comes nearer to the previous iterate of its theory.
        defender_max_tokens, adversary_max_tokens: of one message.
        temperature: at which both players write, and at which probabilities are taken.
        seed: of sampling, of the environment and of the minibatches.
    """

    defend_updates: int = 4
    attack_updates: int = 14
    rounds: int = 3
    final_attack: bool = True
    defender: UpdateRule = field(default_factory=PPOConfig)
    adversary: UpdateRule = field(
        # One game in a hundred gets a secret out at first: few batches have much to teach.
        default_factory=lambda: PPOConfig(learning_rate=1e-3, adam_eps=1e-3, kl_coef=0.03)
    )
    defender_plays: Opponents = field(default_factory=lambda: LatestAndPast(PAST_SHARE))
    adversary_plays: Opponents = field(default_factory=LatestAndPast)
    anchor: Anchor = "initial"
    defender_max_tokens: int = 20
    adversary_max_tokens: int = 32
    temperature: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("defender_max_tokens", "adversary_max_tokens"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name}={getattr(self, name)} must be at least 1")
        check_choice("anchor", self.anchor, get_args(Anchor))
        kinds = {"adversary": UpdateRule, "adversary_plays": Opponents}
        kinds |= {"defender": UpdateRule, "defender_plays": Opponents}
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                raise ConfigurationError(
                    f"{name}={brief(getattr(self, name))} must be a {kind.__name__}"
                )

    def schedule(self) -> list[Stage]:
        """The alternating stages of GPO."""
        stages = list(alternating(self.defend_updates, self.attack_updates, self.rounds))
        return stages if self.final_attack else stages[:-1]

    @property
    def rules(self) -> dict[str, UpdateRule]:
        """How each agent learns."""
        return {AGENTS[ADVERSARY]: self.adversary, AGENTS[DEFENDER]: self.defender}

    @property
    def opponents(self) -> dict[str, Opponents]:
        """Whom each agent meets while it learns."""
        return {AGENTS[ADVERSARY]: self.adversary_plays, AGENTS[DEFENDER]: self.defender_plays}

    @property
    def max_tokens(self) -> dict[str, int]:
        """Of one message of each agent."""
        return {
            AGENTS[ADVERSARY]: self.adversary_max_tokens,
            AGENTS[DEFENDER]: self.defender_max_tokens,
        }

    def as_record(self) -> dict[str, Any]:
        """Plain values, fit for JSON; `from_record` reads them."""
        record: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            record[item.name] = value.as_record() if isinstance(value, Recorded) else value
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "GPOConfig":
        """The configuration of a record.

        Raises:
            ConfigurationError: it lacks an update rule or opponents, names some that nobody
                defined, or has other knobs.
        """
        values = dict(record)
        for name in ("adversary", "defender", "adversary_plays", "defender_plays"):
            if name not in values:
                raise ConfigurationError(f"{brief(record)} is no GPOConfig: it has no {name!r}")
        for agent in ("adversary", "defender"):
            values[agent] = UpdateRule.from_record(values[agent])
            values[f"{agent}_plays"] = Opponents.from_record(values[f"{agent}_plays"])
        try:
            return cls(**values)
        except TypeError as error:
            raise ConfigurationError(f"{brief(record)} is no GPOConfig: {error}") from error
