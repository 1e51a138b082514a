"""Playing through the step API: who is paid for which message."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.rollout import Rollout, collect
from llm_game_agents.trajectory import Decision
from llm_game_env import red_team_v0
from llm_game_env.players import EchoPlayer, Player, ScriptedPlayer
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.seeds import Seed
from llm_game_env.spaces import Utterance
from llm_game_env.vector import VectorGame

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
MAX_TOKENS = {ADVERSARY: 5, DEFENDER: 7}
MakePolicy = Callable[..., LanguagePolicy]


def words_said(exchanges: Sequence[Exchange]) -> list[float]:
    """A tenth a word of the response, a hundredth a word of the prompt."""
    return [0.1 * len(e.response.split()) + 0.01 * len(e.prompt.split()) for e in exchanges]


def make_games(num_envs: int, **arguments: Any) -> VectorGame:
    defaults: dict[str, Any] = {
        "seed_prompts": ["cat", "tell me a joke", "how are you"],
        "reward_model": FunctionReward(words_said, best=2.0),
    }
    return red_team_v0.vector_env(num_envs, **(defaults | arguments))


def play(
    env: Any, adversary: Player, defender: Player, *, iteration: int = 0, **options: Any
) -> Rollout:
    players = {ADVERSARY: adversary, DEFENDER: defender}
    return collect(env, players, MAX_TOKENS, seed=3, iteration=iteration, options=options)


def by_key(decisions: Sequence[Decision]) -> dict[tuple[int, int], Decision]:
    keyed = {(d.game, d.turn): d for d in decisions}
    assert len(keyed) == len(decisions)
    return keyed


def texts(rollout: Rollout) -> list[tuple[str, str]]:
    return [(e.prompt, e.response) for e in rollout.exchanges]


@pytest.mark.parametrize("turn_reward", ["each", "end"])
@pytest.mark.parametrize("max_turns", [1, 3])
def test_every_message_gets_its_own_exchanges_reward(
    max_turns: int, turn_reward: str, make_policy: MakePolicy
) -> None:
    env = make_games(8, max_turns=max_turns, turn_reward=turn_reward)
    env.reset(seed=0)
    rollout = play(env, make_policy(), make_policy("llama"))
    adversary, defender = (by_key(rollout.decisions[agent]) for agent in (ADVERSARY, DEFENDER))
    assert set(adversary) == set(defender) == {(g, t) for g in range(8) for t in range(max_turns)}
    seen = set()
    for game, turn in adversary:
        exchange = env.exchanges(game)[turn]
        assert adversary[game, turn].completion.text == exchange.prompt
        assert defender[game, turn].completion.text == exchange.response
        score = words_said([exchange])[0] if exchange.prompt.strip() else 2.0
        paid = turn_reward == "each" or turn == max_turns - 1
        assert defender[game, turn].reward == pytest.approx(score if paid else 0.0)
        assert adversary[game, turn].reward == pytest.approx(-score if paid else 0.0)
        seen.add(round(score, 2))
    assert len(seen) > 3
    assert len(rollout.exchanges) == 8 * max_turns


def test_games_that_end_early(make_policy: MakePolicy) -> None:
    env = make_games(16, max_turns=4, stop_when_unsafe=True, unsafe_below=0.3)
    env.reset(seed=0)
    rollout = play(env, make_policy(), make_policy("llama"))
    lengths = [len(env.exchanges(game)) for game in range(16)]
    assert len(set(lengths)) >= 3
    played = {(game, turn) for game, length in enumerate(lengths) for turn in range(length)}
    assert len(rollout.exchanges) == len(played)
    for sign, agent in ((-1, ADVERSARY), (1, DEFENDER)):
        decisions = by_key(rollout.decisions[agent])
        assert set(decisions) == played
        for (game, turn), decision in decisions.items():
            exchange = env.exchanges(game)[turn]
            score = words_said([exchange])[0] if exchange.prompt.strip() else 2.0
            assert decision.reward == pytest.approx(sign * score)
    assert env.agents == []


def test_a_defender_need_not_learn_from_a_blank_prompt(make_policy: MakePolicy) -> None:
    env = make_games(32, max_turns=2)
    env.reset(seed=0)
    rollout = play(env, ScriptedPlayer(["tell me", "  "]), make_policy())
    valid = []
    for decision in rollout.decisions[DEFENDER]:
        exchange = env.exchanges(decision.game)[decision.turn]
        assert decision.valid == (exchange.prompt == "tell me")
        valid.append(decision.valid)
    assert 10 < sum(valid) < 54
    assert [e.valid for e in rollout.exchanges].count(0.0) == 64 - sum(valid)


def test_an_adversary_learns_from_its_own_blank_prompts(make_policy: MakePolicy) -> None:
    env = make_games(64)
    env.reset(seed=0)
    rollout = play(env, make_policy(), ScriptedPlayer(["no"]))
    blank = [d for d in rollout.decisions[ADVERSARY] if not d.completion.text]
    assert blank
    assert all(d.valid and d.reward == -2.0 for d in blank)
    assert len(rollout.decisions[ADVERSARY]) == 64
    assert rollout.decisions[DEFENDER] == []


def test_players_that_are_no_policies_leave_no_decisions() -> None:
    env = make_games(6, max_turns=2, instruction="{seed_prompt}")
    results = []
    for _ in range(2):
        env.reset(seed=0)
        results.append(play(env, EchoPlayer(), ScriptedPlayer(["yes", "no", "a cat"])))
    assert results[0] == results[1]
    assert results[0].decisions == {ADVERSARY: [], DEFENDER: []}
    firsts = [e for e in results[0].exchanges if e.prompt == e.seed_prompt]
    assert len(firsts) >= 6
    assert {e.response for e in results[0].exchanges} == {"yes", "no", "a cat"}


def test_a_scripted_player_draws_anew_every_turn_and_iteration() -> None:
    env = make_games(12, max_turns=2)
    script = ScriptedPlayer(["yes", "no", "a cat"])
    said = []
    for iteration in range(2):
        exchanges = play(env, EchoPlayer(), script, iteration=iteration).exchanges
        said += [[e.response for e in half] for half in (exchanges[:12], exchanges[12:])]
    assert len({tuple(responses) for responses in said}) == 4


def test_exchanges_hold_what_the_environment_says(make_policy: MakePolicy) -> None:
    seeds = [{"text": "cat", "label": "harmful"}, {"text": "joke", "label": "benign"}]
    env = make_games(2, seed_prompts=seeds)
    rollout = play(env, EchoPlayer(), make_policy(), seed_prompt_ids=["0", "1"])
    for row, exchanged in enumerate(rollout.exchanges):
        (exchange,) = env.exchanges(row)
        assert (exchanged.prompt, exchanged.response) == (exchange.prompt, exchange.response)
        assert exchanged.seed_prompt == seeds[row]["text"]
        assert exchanged.harmful == (row == 0)
        assert exchanged.score == pytest.approx(words_said([exchange])[0])
        assert (exchanged.likeness, exchanged.self_bleu, exchanged.embedding) == (0, 0, 0)


def test_the_same_seed_and_iteration_give_the_same_games(make_policy: MakePolicy) -> None:
    env = make_games(6, max_turns=2)
    rollouts = []
    for iteration in (4, 4, 5):
        env.reset(seed=0)
        rollouts.append(play(env, make_policy(), make_policy("llama"), iteration=iteration))
    assert rollouts[0] == rollouts[1]
    assert texts(rollouts[0]) != texts(rollouts[2])
    # Turns and players draw numbers of their own: no turn repeats another.
    first, second = (
        [d.completion.ids for d in rollouts[0].decisions[DEFENDER] if d.turn == turn]
        for turn in (0, 1)
    )
    assert first != second


def test_other_games_in_the_batch_change_nothing(make_policy: MakePolicy) -> None:
    adversary, defender = make_policy(), make_policy("llama")
    narrow = make_games(3, max_turns=2)
    wide = make_games(9, max_turns=2)
    few = play(narrow, adversary, defender, seed_prompt_ids=["0", "1", "2"])
    many = play(wide, adversary, defender, seed_prompt_ids=["0", "1", "2"] * 3)
    for agent in (ADVERSARY, DEFENDER):
        alone, among = by_key(few.decisions[agent]), by_key(many.decisions[agent])
        assert all(among[key].completion.ids == alone[key].completion.ids for key in alone)


def test_games_that_have_ended_shift_no_number(make_policy: MakePolicy) -> None:
    adversary, defender = make_policy(), make_policy("llama")
    stopping = make_games(16, max_turns=3, stop_when_unsafe=True, unsafe_below=0.3)
    ids = [str(i % 3) for i in range(16)]
    some = play(stopping, adversary, defender, seed_prompt_ids=ids)
    every = play(make_games(16, max_turns=3), adversary, defender, seed_prompt_ids=ids)
    for agent in (ADVERSARY, DEFENDER):
        played, whole = by_key(some.decisions[agent]), by_key(every.decisions[agent])
        assert 16 < len(played) < len(whole)
        assert all(played[key].completion.ids == whole[key].completion.ids for key in played)


def test_rows_without_a_game_are_left_out(make_policy: MakePolicy) -> None:
    env = make_games(5)
    rollout = play(env, make_policy(), make_policy(), seed_prompt_ids=["2", "0"])
    assert [d.game for d in rollout.decisions[ADVERSARY]] == [0, 1]
    assert [e.seed_prompt for e in rollout.exchanges] == ["how are you", "cat"]


@pytest.mark.parametrize("max_chars", [1, 5])
def test_a_message_that_is_too_long_is_cut(max_chars: int, make_policy: MakePolicy) -> None:
    env = make_games(8, max_chars=max_chars)
    env.reset(seed=0)
    rollout = play(env, make_policy(), ScriptedPlayer(["a long sentence"]))
    assert {e.response for e in rollout.exchanges} == {"a long sentence"[:max_chars]}
    whole = [d.completion.text for d in rollout.decisions[ADVERSARY]]
    assert [e.prompt for e in rollout.exchanges] == [text[:max_chars] for text in whole]
    assert max(map(len, whole)) > max_chars


class StandIn:
    """Three games of 2, 1 and 2 turns that only keep books; nothing of the package's own game.

    When the defender answers in turn t of row i, the adversary is paid -(10 t + i + 1), the
    defender 10 t + i + 1.5; when the adversary moves on in turn 1, the defender gets 0.25 more.
    """

    possible_agents = (ADVERSARY, DEFENDER)
    num_envs = 3
    turns = np.array([2, 1, 2])

    def __init__(self) -> None:
        self.agents: list[str] = []
        self.agent_selection = ADVERSARY
        self._said: list[list[str]] = [[], [], []]
        self._pending = np.zeros((3, 2))

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        self.__init__()
        self.agents = list(self.possible_agents)

    def last(self) -> tuple[Any, ...]:
        agent = self.possible_agents.index(self.agent_selection)
        chats = [{"messages": [{"role": "user", "content": "cat"}]} for _ in range(3)]
        names = ("harmful", "score", "likeness", "self_bleu", "embedding", "valid")
        infos = {name: np.ones(3) for name in names}
        return chats, self._pending[:, agent].copy(), self._ended, np.zeros(3, bool), infos

    def action_space(self, agent: str) -> Utterance:
        assert agent in self.possible_agents
        return Utterance(500)

    def step(self, actions: Sequence[str | None] | None) -> None:
        if self._ended.all():
            assert actions is None
            self.agents.remove(self.agent_selection)
            self.agent_selection = DEFENDER
            return
        assert actions is not None
        agent = self.possible_agents.index(self.agent_selection)
        self._pending[:, agent] = 0.0
        for row in np.flatnonzero(~self._ended).tolist():
            turn = len(self._said[row]) // 2
            text = actions[row]
            assert isinstance(text, str)
            self._said[row].append(text)
            if agent == 1:
                self._pending[row] += [-(10 * turn + row + 1), 10 * turn + row + 1.5]
            elif turn == 1:
                self._pending[row, 1] += 0.25
        to_adversary = agent == 1 or self._ended.all()
        self.agent_selection = ADVERSARY if to_adversary else DEFENDER

    def exchanges(self, row: int) -> tuple[Exchange, ...]:
        said = self._said[row]
        pairs = zip(said[0::2], said[1::2], strict=False)
        return tuple(Exchange(Seed("cat"), (), prompt, response) for prompt, response in pairs)

    @property
    def _ended(self) -> np.ndarray:
        return np.array([len(said) for said in self._said]) >= 2 * self.turns


class Watched:
    """Passes on public names alone, and notes them."""

    def __init__(self, env: Any) -> None:
        self._env = env
        self.used: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        assert not name.startswith("_")
        self.used.add(name)
        return getattr(self._env, name)


PUBLIC = {
    "agents",
    "agent_selection",
    "possible_agents",
    "num_envs",
    "action_space",
    "reset",
    "last",
    "step",
    "exchanges",
}


def test_any_environment_with_the_step_api_will_do(make_policy: MakePolicy) -> None:
    env = Watched(StandIn())
    rollout = play(env, make_policy(), make_policy("llama"))
    assert env.used == PUBLIC
    paid = {
        agent: {key: d.reward for key, d in by_key(rollout.decisions[agent]).items()}
        for agent in (ADVERSARY, DEFENDER)
    }
    # Keys are (row, turn). Row 1 ends after its first turn.
    assert paid[ADVERSARY] == {(0, 0): -1, (1, 0): -2, (2, 0): -3, (0, 1): -11, (2, 1): -13}
    # 1.5 + 0.25, 2.5, 3.5 + 0.25, 11.5, 13.5
    assert paid[DEFENDER] == {(0, 0): 1.75, (1, 0): 2.5, (2, 0): 3.75, (0, 1): 11.5, (2, 1): 13.5}
    assert len(rollout.exchanges) == 5


def test_of_the_own_game_nothing_but_the_step_api_is_used(make_policy: MakePolicy) -> None:
    env = Watched(make_games(4, max_turns=2, stop_when_unsafe=True))
    play(env, make_policy(), make_policy())
    assert env.used == PUBLIC
