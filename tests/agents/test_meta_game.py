"""States of either side as the choices of a matrix game."""

from collections.abc import Callable

import numpy as np
import pytest

from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.meta_game import MetaGame, State, mean_score
from llm_game_agents.opponents import MetaNash, Population, UniformPast, meta_equilibrium
from llm_game_env import red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import EchoPlayer, Player, ScriptedPlayer
from llm_game_env.rewards import FunctionReward


@pytest.mark.parametrize(
    ("payoffs", "shares"),
    [
        # Matching pennies with stakes 1 and ½: the column player shows the dear side a third.
        ([[1.0, 0.0], [0.0, 0.5]], [1 / 3, 2 / 3]),
        # Rock, paper, scissors.
        ([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], [1 / 3, 1 / 3, 1 / 3]),
        # The second column costs less whatever the row player does.
        ([[3.0, 1.0], [2.0, 0.0], [5.0, 4.0]], [0.0, 1.0]),
        # Three rows, two columns: 4a + b = 2b = v at a = 1/5; the third row never pays.
        ([[4.0, 1.0], [0.0, 2.0], [-1.0, -1.0]], [0.2, 0.8]),
        ([[7.0]], [1.0]),
        ([[7.0], [8.0]], [1.0]),
    ],
)
def test_equilibria_by_hand(payoffs: list[list[float]], shares: list[float]) -> None:
    np.testing.assert_allclose(meta_equilibrium(np.array(payoffs)), shares, atol=1e-6)
    population = Population(len(shares) - 1, np.array(payoffs))
    np.testing.assert_allclose(MetaNash().shares(population), shares, atol=1e-6)


def test_no_state_of_the_learner_gains_more_than_the_value() -> None:
    rng = np.random.default_rng(0)
    for size in [(2, 5), (5, 2), (6, 6)]:
        payoffs = rng.normal(size=size)
        theirs, own = meta_equilibrium(payoffs), meta_equilibrium(-payoffs.T)
        assert theirs.sum() == pytest.approx(1.0)
        assert (payoffs @ theirs).max() == pytest.approx((own @ payoffs).min(), abs=1e-6)


@pytest.mark.parametrize(
    ("floor", "shares"), [(0.0, [0.0, 1.0]), (0.1, [0.1, 0.9]), (0.5, [0.5, 0.5]), (1.0, [0.5] * 2)]
)
def test_no_state_gets_less_than_the_floor(floor: float, shares: list[float]) -> None:
    population = Population(1, np.array([[3.0, 1.0]]))
    np.testing.assert_allclose(MetaNash(floor=floor).shares(population), shares, atol=1e-6)


def test_payoffs_are_needed() -> None:
    assert MetaNash(games=7).games_to_measure == 7
    with pytest.raises(ConfigurationError, match="payoffs=None"):
        MetaNash().shares(Population(2))


@pytest.mark.parametrize("knob", [{"games": 0}, {"floor": -0.1}, {"floor": 1.1}])
def test_impossible_knobs_are_refused(knob: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=f"{next(iter(knob))}="):
        MetaNash(**knob)  # type: ignore[arg-type]


@pytest.mark.parametrize("num_past", [0, 1, 4])
def test_uniform_past(num_past: int) -> None:
    rule = UniformPast()
    assert rule.keeps_past
    assert rule.games_to_measure == 0
    np.testing.assert_allclose(
        rule.shares(Population(num_past)), [1 / (num_past + 1)] * (1 + num_past)
    )


def test_every_pair_of_states_meets_once() -> None:
    met: list[tuple[Player, Player, int, int]] = []

    def play(adversary: Player, defender: Player, games: int, index: int) -> float:
        met.append((adversary, defender, games, index))
        return float(len(met))

    a, b, c = (State(updates, EchoPlayer()) for updates in (0, 3, 5))
    game = MetaGame()
    np.testing.assert_array_equal(game.scores([a, b], [a], play, 20), [[1.0], [2.0]])
    np.testing.assert_array_equal(game.scores([a, b], [a, c], play, 20), [[1, 3], [2, 4]])
    assert met == [
        (a.player, a.player, 20, 0),
        (b.player, a.player, 20, 1),
        (a.player, c.player, 20, 2),
        (b.player, c.player, 20, 3),
    ]
    resumed = MetaGame()
    resumed.load_state_dict(game.state_dict())
    np.testing.assert_array_equal(resumed.scores([b], [c, a], play, 20), [[4.0, 2.0]])
    assert len(met) == 4


def test_mean_scores_are_of_whole_batches_and_leave_no_trace() -> None:
    scored: list[str] = []

    def score(prompts: list[str]) -> list[float]:
        scored.extend(prompts)
        return [{"good": 1.0, "bad": 0.25}[prompt] for prompt in prompts]

    env = red_team_v0.vector_env(
        8,
        seed_prompts=["cat"],
        reward_model=FunctionReward(lambda exchanges: score([e.prompt for e in exchanges])),
        diversity=Diversity(self_bleu=1.0),
    )
    env.reset(seed=0)
    history = str(env.state_dict()["history"])
    adversary, defender = ScriptedPlayer(["good", "bad"]), ScriptedPlayer(["yes"])
    meet: Callable[[int], float] = lambda index: mean_score(  # noqa: E731
        env, GPOConfig(), adversary, defender, 20, index
    )
    first = meet(0)
    assert len(scored) == 24
    assert first == pytest.approx(0.25 + 0.75 * scored.count("good") / 24)
    assert {"good", "bad"} == set(scored)
    assert str(env.state_dict()["history"]) == history
    texts = list(scored)
    assert meet(0) == first  # the same draws
    assert scored[24:] == texts
    meet(1)
    assert scored[48:] != texts
