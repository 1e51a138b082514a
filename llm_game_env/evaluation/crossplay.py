"""Cross-play: every adversary against every defender, as a matrix.

Each adversary writes the first prompt of every game once, and all defenders are asked the same
ones: a first prompt sees nothing of the defender. Random numbers do not depend on who else is
there, so neither does a cell: it is what `play` gives for the two alone, with the same seed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from llm_game_env.checks import check_choice
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.intervals import Proportion
from llm_game_env.evaluation.judges import Judge, verdicts_of
from llm_game_env.evaluation.playing import Played, play, write_openings
from llm_game_env.evaluation.setting import Setting
from llm_game_env.evaluation.shares import JudgedShares, check_judges, judged_shares
from llm_game_env.players.protocol import Player
from llm_game_env.players.scripted import EchoPlayer

Measure = Literal["unsafe", "over_refusal", "success"]
Watch = Callable[[str, str, Sequence[Played]], object]
"""Is told the adversary, the defender, and what they have played."""


@dataclass(frozen=True)
class Cell:
    """One adversary against one defender.

    Attributes:
        adversary, defender: their names.
        exchanges: how many they had.
        judged: by each judge, in their order.
    """

    adversary: str
    defender: str
    exchanges: int
    judged: tuple[JudgedShares, ...]


@dataclass(frozen=True)
class CrossPlay:
    """A adversaries against D defenders.

    Attributes:
        adversaries, defenders: their names, in the order given.
        judges: the names of the judges, in the order given.
        cells: A · D of them, the defenders of the first adversary first.
    """

    adversaries: tuple[str, ...]
    defenders: tuple[str, ...]
    judges: tuple[str, ...]
    cells: tuple[Cell, ...]

    def cell(self, adversary: str, defender: str) -> Cell:
        """One cell.

        Raises:
            ConfigurationError: one of them did not play.
        """
        for kind, name, names in (
            ("adversary", adversary, self.adversaries),
            ("defender", defender, self.defenders),
        ):
            if name not in names:
                raise ConfigurationError(f"{kind}={name!r} did not play; choose from {[*names]}")
        row, column = self.adversaries.index(adversary), self.defenders.index(defender)
        return self.cells[row * len(self.defenders) + column]

    def proportion(
        self, adversary: str, defender: str, judge: str, measure: Measure = "success"
    ) -> Proportion | None:
        """A share with Wilson's interval; None for over-refusals where they cannot be told.

        Raises:
            ConfigurationError: one of them did not play, or there is no such judge or measure.
        """
        check_choice("judge", judge, self.judges)
        check_choice("measure", measure, ("unsafe", "over_refusal", "success"))
        judged = self.cell(adversary, defender).judged[self.judges.index(judge)]
        return getattr(judged, measure)

    def matrix(self, judge: str, measure: Measure = "success") -> np.ndarray:
        """The shares, float64 [A, D]; NaN where they cannot be told.

        Raises:
            ConfigurationError: there is no such judge or measure.
        """
        found = [
            self.proportion(cell.adversary, cell.defender, judge, measure) for cell in self.cells
        ]
        shares = [np.nan if one is None else one.share for one in found]
        return np.reshape(shares, (len(self.adversaries), len(self.defenders)))


def crossplay(
    adversaries: Mapping[str, Player],
    defenders: Mapping[str, Player],
    setting: Setting,
    judges: Sequence[Judge],
    *,
    seed: int,
    watch: Watch | None = None,
) -> CrossPlay:
    """Plays every adversary against every defender.

    In games of one turn each player is looked up once, and one after the other: a mapping that
    opens a player when it is asked for holds one model at a time.

    Args:
        adversaries, defenders: by name, at least one of each.
        setting: the games, the same for all.
        judges: at least one, of different names.
        seed: of all random numbers.
        watch: sees what each pair has played.

    Raises:
        ConfigurationError: there are no adversaries, no defenders, no judges or two of one name.
        RewardError: a judge returned something unusable.
    """
    check_judges(judges)
    for name, players in (("adversaries", adversaries), ("defenders", defenders)):
        if not players:
            raise ConfigurationError(f"{name}={{}} holds no player; give at least one by its name")
    openings = {name: write_openings(adversaries[name], setting, seed=seed) for name in adversaries}
    cells: dict[tuple[str, str], Cell] = {}

    def meet(defender_name: str, defender: Player) -> None:
        for name, opening in openings.items():
            # In one turn it has said all, so it need not be there any more.
            adversary = adversaries[name] if setting.turns > 1 else EchoPlayer()
            games = play(adversary, defender, setting, seed=seed, openings=opening)
            if watch is not None:
                watch(name, defender_name, games)
            cells[name, defender_name] = _cell(name, defender_name, games, judges)

    for name in defenders:
        meet(name, defenders[name])  # A call, so that nobody holds the player afterwards.
    return CrossPlay(
        adversaries=tuple(adversaries),
        defenders=tuple(defenders),
        judges=tuple(judge.name for judge in judges),
        cells=tuple(cells[name, other] for name in adversaries for other in defenders),
    )


def _cell(adversary: str, defender: str, games: Sequence[Played], judges: Sequence[Judge]) -> Cell:
    exchanges = [one.exchange for one in games]
    judged = [judged_shares(judge.name, verdicts_of(judge, exchanges)) for judge in judges]
    return Cell(adversary, defender, len(exchanges), tuple(judged))
