"""A game whose equilibrium is mixed: no last policy is one, averages and mixtures are.

Matching pennies between two language models. The adversary shows a side, the defender guesses it
without having seen it, and scores 1 for heads, a quarter for tails, 0 for a wrong guess. In
equilibrium both say heads one time in five: 1 · p = ¼ · (1 - p). Who says either as often is 0.3
away from it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from llm_game_agents.average import average_policy
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.opponents import LatestAndPast, MetaNash, Opponents, UniformPast
from llm_game_agents.schedules import Stage, alternating, simultaneous
from llm_game_agents.update_rules import (
    GRPOConfig,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    UpdateRule,
)
from llm_game_env import red_team_v0
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.rules import AGENTS
from llm_game_env.spaces import Message
from word_policies import READS_NOTHING, make_word_policy

WORTH = {"heads": 1.0, "tails": 0.25}
HEADS = 0.2
NUM_GAMES = 32


def guessed(exchanges: Sequence[Exchange]) -> list[float]:
    """What a guess is worth; a prompt that shows no side is the defender's gain."""
    return [
        WORTH.get(e.prompt, 1.0) if e.response == e.prompt or e.prompt not in WORTH else 0.0
        for e in exchanges
    ]


def make_run(rule: UpdateRule, stages: Iterable[Stage], opponents: Opponents, seed: int) -> GPO:
    """Two policies that read nothing: the adversary need not, the defender must not."""
    adversary, defender = (
        make_word_policy(list(WORTH), seed=100 * i + seed, chat_template=READS_NOTHING)
        for i in range(2)
    )
    env = red_team_v0.vector_env(
        NUM_GAMES, seed_prompts=["choose"], reward_model=FunctionReward(guessed)
    )
    config = GPOConfig(
        defender=rule,
        adversary=rule,
        defender_plays=opponents,
        adversary_plays=opponents,
        defender_max_tokens=1,
        adversary_max_tokens=1,
        seed=seed,
    )
    return GPO(env, adversary, defender, config, stages)


def probabilities(player: Any) -> np.ndarray:
    """Of heads and of tails as a player's message, float [2]."""
    with torch.no_grad():
        (prompt,) = player.encode([[Message(role="user", content="choose")]])
        logits = player.model(input_ids=torch.tensor([prompt])).logits[0, -1]
    words = player.tokenizer.convert_tokens_to_ids(list(WORTH))
    return logits.softmax(-1).numpy()[words]


def share_of_heads(shown: Any) -> float:
    """Of what shows a side at all."""
    heads, tails = np.asarray(shown)
    return float(heads / (heads + tails))


def players_of(run: GPO) -> dict[str, Any]:
    return {agent: getattr(player, "player", player) for agent, player in run.players.items()}


SLOW: dict[str, Any] = {"warmup_updates": 0, "update_epochs": 1, "num_minibatches": 1}
SLOW |= {"learning_rate": 7e-4, "kl_coef": 0.0, "ent_coef": 0.05}
REPLIES: dict[str, Any] = SLOW | {"learning_rate": 1e-2, "ent_coef": 0.1}
RULES = [
    GRPOConfig(**SLOW, scale_advantages=False),
    PPOConfig(**SLOW),
    RLOOConfig(**SLOW, group_size=8),
    ReinforceConfig(**SLOW),
]


def cases() -> list[Any]:
    """One rule with one seed, and slowly all rules with two."""
    slow = pytest.mark.slow
    return [
        pytest.param(
            rule,
            seed,
            marks=[] if index == seed == 0 else [slow],
            id=f"{type(rule).__name__.removesuffix('Config')}-{seed}",
        )
        for index, rule in enumerate(RULES)
        for seed in range(2)
    ]


@pytest.mark.parametrize(("rule", "seed"), cases())
def test_the_average_of_players_that_learn_at_once(rule: UpdateRule, seed: int) -> None:
    shown: list[list[np.ndarray]] = []
    run = make_run(rule, simultaneous(250), LatestAndPast(), seed)

    def note(_: Iteration) -> None:
        shown.append([probabilities(player) for player in players_of(run).values()])

    run.learn(note)
    # The first third is spent on finding the two words, and is left out.
    circling = np.array(shown)[83:]
    for agent in range(2):
        every = [share_of_heads(one) for one in circling[:, agent]]
        assert max(every) - min(every) > 0.2  # they go round the equilibrium
        assert share_of_heads(circling[:, agent].mean(0)) == pytest.approx(HEADS, abs=0.15)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_equilibrium_of_the_states_is_that_of_the_game(seed: int) -> None:
    knobs: dict[str, Any] = {"warmup_updates": 0, "update_epochs": 1, "num_minibatches": 1}
    rule = PPOConfig(**knobs, learning_rate=5e-3, kl_coef=0.1)
    run = make_run(rule, alternating(8, 8, 10), MetaNash(games=64), seed)
    mixtures: dict[str, float] = {}

    def note(_: Iteration) -> None:
        # At the beginning of a stage, before the latest state moves on.
        if run.stage_updates == 1:
            for learner, shares in run.matchmaker.shares.items():
                other = AGENTS[1 - AGENTS.index(learner)]
                states = [state.player for state in run.matchmaker.past[other]]
                states.append(players_of(run)[other])
                shown = np.array([probabilities(player) for player in states])
                mixtures[other] = share_of_heads(shares @ shown)

    run.learn(note)
    # What either side was met as in the last stage of the other.
    assert mixtures == pytest.approx(dict.fromkeys(AGENTS, HEADS), abs=0.15)


def nash_gap(adversary: float, defender: float) -> float:
    """What either side could gain by a best reply to the other's share of heads, in all.

    A guess of heads earns 1 where heads is shown, one of tails ¼ where tails is: 0 in equilibrium,
    at least ¼ of any two pure players, ⅜ of two that say either as often.
    """
    best_defender = max(adversary, 0.25 * (1.0 - adversary))
    best_adversary = min(defender, 0.25 * (1.0 - defender))
    return best_defender - best_adversary


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "seed"),
    [
        pytest.param(rule, seed, id=f"{type(rule).__name__.removesuffix('Config')}-{seed}")
        for rule, seeds in ((PPOConfig(**REPLIES), [2, 4]), (ReinforceConfig(**REPLIES), [0]))
        for seed in seeds
    ],
)
def test_the_average_of_fictitious_self_play_can_hardly_be_exploited(
    rule: UpdateRule, seed: int
) -> None:
    # The shares themselves go round slowly, in circles that take ever more stages; what the
    # average of best replies promises is that nobody gains much by leaving it.
    run = make_run(rule, alternating(6, 6, 20), UniformPast(), seed).learn()
    shown = {
        agent: np.array([probabilities(one) for one in average_policy(run, agent).players])
        for agent in AGENTS
    }
    averages = [share_of_heads(states.mean(0)) for states in shown.values()]
    last = [share_of_heads(states[-1]) for states in shown.values()]
    first = [share_of_heads(states[0]) for states in shown.values()]
    assert nash_gap(*averages) < 0.125
    assert min(nash_gap(*last), nash_gap(*first)) > 0.2
