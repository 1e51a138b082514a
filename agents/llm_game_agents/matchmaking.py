"""Who meets whom: earlier states of the players, and the line-ups of a stage."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llm_game_agents.meta_game import MetaGame, Play, State
from llm_game_agents.opponents import Lineup, Opponents, Population, line_up, snapshot
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.schedules import Stage
from llm_game_env.players.protocol import Player
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER


class Matchmaker:
    """Keeps the players as they were, and lines them up against a learner.

    Args:
        opponents: whom each agent meets while it learns.

    Attributes:
        past: earlier states of each agent, oldest first.
        shares: of the stage at hand, for each of its learners that meets more than the latest
            player: how much of a batch every past state plays, then the latest; float [P + 1].
    """

    def __init__(self, opponents: Mapping[str, Opponents]) -> None:
        self.opponents = dict(opponents)
        self.past: dict[str, list[State]] = {agent: [] for agent in AGENTS}
        self.shares: dict[str, np.ndarray] = {}
        self._meta_game = MetaGame()

    def open_stage(
        self,
        stages: list[Stage],
        players: Mapping[str, Player],
        updates: Mapping[str, int],
        play: Play,
    ) -> None:
        """Keeps those who are about to learn as they are, and settles whom they meet.

        Args:
            stages: the one that begins, then all that follow.
            players: as they stand.
            updates: that each has had.
            play: lets two players meet, where the choice of opponents needs to know how they fare.
        """
        still_to_learn = {agent for stage in stages for agent in stage.learners}
        for agent in stages[0].learners:
            policy = players[agent]
            # A stage that was broken off before its first update begins once more.
            is_kept = updates[agent] in [state.updates for state in self.past[agent]]
            wanted = self._is_wanted(agent, still_to_learn) and not is_kept
            if isinstance(policy, LanguagePolicy) and wanted:
                self.past[agent].append(State(updates[agent], snapshot(policy)))
        self.shares = {}
        for agent in stages[0].learners:
            rule, past = self.opponents[agent], self.past[_other(agent)]
            if rule.keeps_past and past:
                payoffs = None
                if rule.games_to_measure:
                    payoffs = self._payoffs(agent, players, updates, play)
                self.shares[agent] = rule.shares(Population(len(past), payoffs))

    def line_up(
        self,
        learner: str,
        players: Mapping[str, Player],
        rng: np.random.Generator,
        num_games: int,
        group_size: int,
    ) -> Mapping[str, Player | Lineup]:
        """Who plays a batch in which this agent learns; see `opponents.line_up`."""
        if learner not in self.shares:
            return players
        other = _other(learner)
        states = [*(state.player for state in self.past[other]), players[other]]
        lineup = line_up(states, self.shares[learner], rng, num_games, group_size)
        return {**players, other: lineup}

    def will_keep(self, stages: Sequence[Stage]) -> dict[str, int]:
        """How many earlier states of each agent there will be once these stages are played."""
        kept = dict.fromkeys(AGENTS, 0)
        for index, stage in enumerate(stages):
            still_to_learn = {agent for later in stages[index:] for agent in later.learners}
            for agent in stage.learners:
                kept[agent] += self._is_wanted(agent, still_to_learn)
        return kept

    def state_dict(self) -> dict[str, Any]:
        """Shares and the meta-game's scores; the past players are saved apart."""
        return {"shares": dict(self.shares), "meta_game": self._meta_game.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        self.shares = dict(state["shares"])
        self._meta_game.load_state_dict(state["meta_game"])

    def _is_wanted(self, agent: str, still_to_learn: set[str]) -> bool:
        """Whether a learner of this or a later stage needs to know the agent as it is."""
        other = _other(agent)
        as_opponent = other in still_to_learn and self.opponents[other].keeps_past
        return as_opponent or self.opponents[agent].games_to_measure > 0

    def _payoffs(
        self, learner: str, players: Mapping[str, Player], updates: Mapping[str, int], play: Play
    ) -> np.ndarray:
        """What the learner's states earn against the other's, float64 [L, P + 1]."""
        states = {
            agent: [*self.past[agent], State(updates[agent], players[agent])] for agent in AGENTS
        }
        scores = self._meta_game.scores(
            states[AGENTS[ADVERSARY]],
            states[AGENTS[DEFENDER]],
            play,
            self.opponents[learner].games_to_measure,
        )
        return scores.T if learner == AGENTS[DEFENDER] else -scores


def _other(agent: str) -> str:
    return AGENTS[1 - AGENTS.index(agent)]
