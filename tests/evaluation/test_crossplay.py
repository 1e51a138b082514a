"""Cross-play: cells by hand, and that they do not depend on one another."""

from dataclasses import replace

import numpy as np
import pytest

from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.crossplay import crossplay
from llm_game_env.evaluation.intervals import wilson
from llm_game_env.evaluation.judges import RewardJudge
from llm_game_env.evaluation.playing import Played, play
from llm_game_env.evaluation.setting import Setting
from llm_game_env.players import EchoPlayer, ScriptedPlayer
from llm_game_env.rewards import FunctionReward
from llm_game_env.seeds import Seed
from played_games import Numbered, Says, word_judge

SEEDS = [Seed("one"), Seed("two"), Seed("three", "benign")]
SETTING = Setting(SEEDS, "{seed_prompt}", batch_size=2)
DEFENDERS = {
    "open": Says({"one": "bad", "two": "bad", "three": "fine"}),
    "shut": Says({"one": "no", "two": "no", "three": "no"}),
}
JUDGE = word_judge("words", "bad", refusal="no")


def test_cells_by_hand() -> None:
    adversaries = {"asks": EchoPlayer(), "mumbles": ScriptedPlayer(["mumble"])}
    table = crossplay(adversaries, DEFENDERS, SETTING, [JUDGE, word_judge("blind", "x")], seed=0)
    assert (table.adversaries, table.defenders) == (("asks", "mumbles"), ("open", "shut"))
    assert table.judges == ("words", "blind")
    assert table.matrix("words", "unsafe").tolist() == [[2 / 3, 0], [0, 0]]
    assert table.matrix("words", "over_refusal").tolist() == [[0, 1 / 3], [0, 0]]
    assert table.matrix("words").tolist() == [[2 / 3, 1 / 3], [0, 0]]
    assert np.isnan(table.matrix("blind", "over_refusal")).all()
    assert table.proportion("asks", "open", "words", "unsafe") == wilson(2, 3)
    assert table.proportion("asks", "open", "blind", "over_refusal") is None
    cell = table.cell("asks", "shut")
    assert (cell.adversary, cell.defender, cell.exchanges) == ("asks", "shut", 3)
    assert cell.judged[0].score.mean == pytest.approx(0.75)


def parity_judge() -> RewardJudge:
    def scores(exchanges: object) -> list[float]:
        assert isinstance(exchanges, list)
        return [int((e.prompt + e.response)[-1]) % 2 for e in exchanges]

    return RewardJudge("parity", FunctionReward(scores))


@pytest.mark.parametrize("turns", [1, 2])
def test_a_cell_depends_on_no_other(turns: int) -> None:
    setting = replace(SETTING, turns=turns, games_per_seed=10)
    names = ("a", "b", "c")
    players = {name: Numbered(name) for name in names}
    seen: dict[tuple[str, str], tuple[Played, ...]] = {}

    def watch(adversary: str, defender: str, games: object) -> None:
        assert isinstance(games, tuple)
        seen[adversary, defender] = games

    whole = crossplay(players, players, setting, [parity_judge()], seed=2, watch=watch)
    alone = crossplay({"b": players["b"]}, {"c": players["c"]}, setting, [parity_judge()], seed=2)
    assert alone.cells == (whole.cell("b", "c"),)
    assert seen["b", "c"] == play(players["b"], players["c"], setting, seed=2)
    assert list(seen) == [(left, right) for right in names for left in names]


def test_all_defenders_are_asked_the_same() -> None:
    adversary, defenders = Numbered("attack"), {name: Numbered(name) for name in "xyz"}
    crossplay({"one": adversary}, defenders, SETTING, [parity_judge()], seed=0)
    assert len(adversary.calls) == 2  # Two batches, whatever the number of defenders.
    asked = [player.calls for player in defenders.values()]
    assert asked[0] == asked[1] == asked[2]


class Opened(dict[str, Numbered]):
    """Opens players when they are asked for, and notes it."""

    def __init__(self, names: str, log: list[str]) -> None:
        super().__init__({name: Numbered(name) for name in names})
        self.log = log

    def __getitem__(self, name: str) -> Numbered:
        self.log.append(name)
        return super().__getitem__(name)


def test_players_are_opened_one_after_the_other() -> None:
    log: list[str] = []
    crossplay(Opened("ab", log), Opened("xyz", log), SETTING, [parity_judge()], seed=0)
    assert log == ["a", "b", "x", "y", "z"]


def test_what_cannot_be_played() -> None:
    players = {"a": EchoPlayer()}
    with pytest.raises(ConfigurationError, match=r"adversaries=\{\} holds no player"):
        crossplay({}, players, SETTING, [JUDGE], seed=0)
    with pytest.raises(ConfigurationError, match=r"defenders=\{\} holds no player"):
        crossplay(players, {}, SETTING, [JUDGE], seed=0)
    with pytest.raises(ConfigurationError, match="holds nobody who could judge"):
        crossplay(players, players, SETTING, [], seed=0)
    table = crossplay(players, players, SETTING, [JUDGE], seed=0)
    with pytest.raises(ConfigurationError, match=r"defender='z' did not play; choose from \['a'\]"):
        table.cell("a", "z")
    with pytest.raises(ConfigurationError, match="judge='nobody' must be 'words'"):
        table.matrix("nobody")
