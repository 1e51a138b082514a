"""Who is kept, who meets whom, and what their shares go by."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from llm_game_agents.matchmaking import Matchmaker
from llm_game_agents.opponents import LatestAndPast, Lineup, MetaNash, Opponents, UniformPast
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.schedules import Stage
from llm_game_env.players import EchoPlayer, Player

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
ATTACK, DEFEND, BOTH = Stage("attack", 2), Stage("defend", 2), Stage("both", 2)
MakePolicy = Callable[..., LanguagePolicy]


def nobody_plays(*_: Any) -> float:
    raise AssertionError("nothing was to be measured")


def matchmaker(adversary: Opponents, defender: Opponents) -> Matchmaker:
    return Matchmaker({ADVERSARY: adversary, DEFENDER: defender})


@pytest.fixture
def players(make_policy: MakePolicy) -> dict[str, Player]:
    return {ADVERSARY: make_policy("gpt2"), DEFENDER: make_policy("llama")}


def updates(adversary: int, defender: int) -> dict[str, int]:
    return {ADVERSARY: adversary, DEFENDER: defender}


def kept(match: Matchmaker) -> dict[str, list[int]]:
    return {agent: [state.updates for state in states] for agent, states in match.past.items()}


def test_those_are_kept_whom_somebody_will_meet(players: dict[str, Player]) -> None:
    match = matchmaker(adversary=LatestAndPast(), defender=UniformPast())
    for stages, counts in (
        ([DEFEND, ATTACK, DEFEND, ATTACK], updates(0, 0)),
        ([ATTACK, DEFEND, ATTACK], updates(0, 2)),
        ([DEFEND, ATTACK], updates(2, 2)),
        ([ATTACK], updates(2, 4)),
    ):
        match.open_stage(stages, players, counts, nobody_plays)
    # No adversary meets earlier defenders; after the last defend stage nobody meets adversaries.
    assert kept(match) == {ADVERSARY: [0], DEFENDER: []}


def test_a_stage_that_begins_once_more_keeps_nobody_twice(players: dict[str, Player]) -> None:
    match = matchmaker(UniformPast(), UniformPast())
    for _ in range(2):
        match.open_stage([BOTH, BOTH], players, updates(0, 0), nobody_plays)
    assert kept(match) == {ADVERSARY: [0], DEFENDER: [0]}
    match.open_stage([BOTH], players, updates(2, 2), nobody_plays)
    assert kept(match) == {ADVERSARY: [0, 2], DEFENDER: [0, 2]}


def test_other_players_are_not_kept(players: dict[str, Player]) -> None:
    match = matchmaker(UniformPast(), UniformPast())
    match.open_stage([DEFEND], players | {ADVERSARY: EchoPlayer()}, updates(0, 0), nobody_plays)
    assert kept(match)[ADVERSARY] == []
    assert match.shares == {}


def test_a_learner_meets_the_states_of_the_other(players: dict[str, Player]) -> None:
    match = matchmaker(UniformPast(), LatestAndPast())
    match.open_stage([DEFEND, ATTACK, DEFEND, ATTACK], players, updates(0, 0), nobody_plays)
    rng = np.random.default_rng(0)
    # Nobody has been kept of the adversary: the defender meets it as it is.
    assert match.line_up(DEFENDER, players, rng, 8, 1) is players
    match.open_stage([ATTACK, DEFEND, ATTACK], players, updates(0, 2), nobody_plays)
    np.testing.assert_allclose(match.shares[ADVERSARY], [0.5, 0.5])
    lined_up = match.line_up(ADVERSARY, players, rng, 400, 4)
    assert lined_up[ADVERSARY] is players[ADVERSARY]
    lineup = lined_up[DEFENDER]
    assert isinstance(lineup, Lineup)
    assert lineup.players == [match.past[DEFENDER][0].player, players[DEFENDER]]
    groups = lineup.choice.reshape(-1, 4)
    assert (groups == groups[:, :1]).all()  # a group meets one player
    assert 20 < groups[:, 0].sum() < 80


def test_shares_by_how_the_states_fare(players: dict[str, Player]) -> None:
    match = matchmaker(MetaNash(games=30), MetaNash(games=30))
    # What a defender of so many updates scores against an adversary of so many.
    score = {(0, 0): 1.0, (0, 2): 0.0, (2, 0): 0.0, (2, 2): 0.5}
    met: list[tuple[int, int]] = []
    counts = updates(0, 0)

    def play(adversary: Player, defender: Player, games: int, index: int) -> float:
        assert games == 30
        assert index == len(met)
        pair = tuple(
            next((s.updates for s in match.past[agent] if s.player is player), counts[agent])
            for agent, player in ((ADVERSARY, adversary), (DEFENDER, defender))
        )
        met.append(pair)  # type: ignore[arg-type]
        return score[pair]  # type: ignore[index]

    match.open_stage([BOTH, BOTH], players, counts, play)
    counts = updates(2, 2)
    match.open_stage([BOTH], players, counts, play)
    # Stakes 1 and ½: either side shows the first state a third. The states kept when this stage
    # began are the latest ones, between which the shares may fall in any way.
    for agent in (ADVERSARY, DEFENDER):
        assert match.shares[agent][0] == pytest.approx(1 / 3, abs=1e-6)
        assert len(match.shares[agent]) == 3
    assert sorted(met) == [(0, 0), (0, 2), (2, 0), (2, 2)]  # each pair once


def test_each_side_is_measured_by_its_own_gain(players: dict[str, Player]) -> None:
    match = matchmaker(MetaNash(games=5), MetaNash(games=5))
    score = {(0, 0): 0.2, (0, 2): 0.4, (2, 0): 0.7, (2, 2): 0.9}
    counts = updates(0, 0)

    def play(adversary: Player, defender: Player, *_: int) -> float:
        a, d = (
            next((s.updates for s in match.past[agent] if s.player is player), counts[agent])
            for agent, player in ((ADVERSARY, adversary), (DEFENDER, defender))
        )
        return score[a, d]

    match.open_stage([BOTH, BOTH], players, counts, play)
    counts = updates(2, 2)
    match.open_stage([BOTH], players, counts, play)
    # The first adversary holds every defender lower, the second defender scores higher always.
    assert match.shares[DEFENDER][0] == pytest.approx(1.0, abs=1e-6)
    assert match.shares[ADVERSARY][0] == pytest.approx(0.0, abs=1e-6)


def test_a_state_taken_up(players: dict[str, Player]) -> None:
    match = matchmaker(UniformPast(), UniformPast())
    match.open_stage([BOTH], players, updates(0, 0), nobody_plays)
    other = matchmaker(UniformPast(), UniformPast())
    other.load_state_dict(match.state_dict())
    np.testing.assert_array_equal(other.shares[DEFENDER], match.shares[DEFENDER])
