"""What `theory_to_models.py` draws: the runs, their states, and the gaps of each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from llm_game_agents.arms import find_arm, make_run
from llm_game_agents.best_response import best_adversary
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.opponents import snapshot
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.tabular import follow, horizon_coefficients, make_games, mirror_bound
from llm_game_env.evaluation.exact import QuestionAnswers, answered, mixed
from llm_game_env.evaluation.exploitability import exploitability
from llm_game_env.evaluation.judges import GroundTruth
from llm_game_env.evaluation.setting import Setting
from llm_game_env.gatekeeper.grammar import NO_OPENER, Question
from llm_game_env.gatekeeper.matters import MATTERS
from llm_game_env.gatekeeper.world import World
from llm_game_env.matrix.payoffs import gatekeeper_payoff
from llm_game_env.players import CausalLMPlayer, MixturePlayer
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER

THEORY, EXACT, TRAINED = "theory", "models, exact", "models, trained best response"
LAST, AVERAGE, PSRO = "last state", "average", "PSRO's mixture"


class Gap(NamedTuple):
    """One point of one curve.

    Attributes:
        panel, series: where it is drawn.
        x: iteration, or the defender's updates.
        low, high: between what the gap is: equal where it is known, the ends of Wilson's interval
            where it was sampled.
    """

    panel: str
    series: str
    x: int
    low: float
    high: float


class Size(NamedTuple):
    """Of a run; see `GPOConfig`."""

    rounds: int
    defend_updates: int
    attack_updates: int
    games: int
    seed: int


class Moment(NamedTuple):
    """A run when an attack stage begins.

    Attributes:
        updates: that the defender has had.
        defenders: all its states so far, the latest last, S of them.
        shares: float [S], how often the adversary meets each.
    """

    updates: int
    defenders: tuple[CausalLMPlayer, ...]
    shares: np.ndarray


def theory_gaps(iterations: int) -> list[Gap]:
    """Idealised GPO in the built-in world, one plain question a matter."""
    game = gatekeeper_payoff([Question(matter, 0, NO_OPENER, "tell") for matter in MATTERS])
    games = make_games(game.payoff[None])
    rule = horizon_coefficients(games, iterations)
    curves = follow(games, rule, iterations).curves
    bound = mirror_bound(games, rule, iterations)[0]
    series = {LAST: curves.last_gap[:, 0], AVERAGE: curves.average_gap[:, 0]}
    gaps = [
        Gap(THEORY, name, int(x), float(gap), float(gap))
        for name, values in series.items()
        for x, gap in zip(curves.iterations, values, strict=True)
    ]
    return [*gaps, Gap(THEORY, "the theorem's bound", iterations, float(bound), float(bound))]


def moments(world: World, arm: str, size: Size) -> list[Moment]:
    """Trains an arm and keeps its defender as it was at the beginning of every attack stage."""
    config = GPOConfig(
        rounds=size.rounds,
        defend_updates=size.defend_updates,
        attack_updates=size.attack_updates,
        seed=size.seed,
    )
    run = make_run(find_arm(arm), world, config, size.games)
    adversary, defender = AGENTS[ADVERSARY], AGENTS[DEFENDER]
    states = [_state(run.players[defender])]
    found = [Moment(0, tuple(states), np.ones(1))]
    bar = tqdm(total=run.total_updates, desc=arm, unit="update")

    def watch(iteration: Iteration) -> None:
        bar.update()
        if iteration.stage.kind != "attack" or run.stage_updates != 1 % iteration.stage.updates:
            return
        states.append(_state(run.players[defender]))
        shares = run.matchmaker.shares.get(adversary)
        if shares is None:  # It meets the latest alone.
            shares = np.eye(len(states))[-1]
        found.append(Moment(run.learners[defender].num_updates, tuple(states), shares))

    run.learn(watch)
    bar.close()
    return found


def exact_gaps(runs: Mapping[str, Sequence[Moment]], questions: Sequence[Question]) -> list[Gap]:
    """The gap over all questions of what `players_of` names."""
    known: dict[int, QuestionAnswers] = {}
    gaps: list[Gap] = []
    for series, moment, shares in players_of(runs):
        for state in moment.defenders:
            if id(state) not in known:
                known[id(state)] = answered(state, questions)
        parts = [known[id(state)] for state in moment.defenders]
        gaps.append(Gap(EXACT, series, moment.updates, *mixed(parts, shares).gap))
    return gaps


def trained_gaps(
    runs: Mapping[str, Sequence[Moment]], world: World, updates: int, seed: int
) -> list[Gap]:
    """Success of an adversary that is trained against each, with Wilson's interval."""
    trainer = best_adversary(world, updates=updates)
    setting = Setting(world.seed_prompts, world.instruction)
    gaps: list[Gap] = []
    for series, moment, shares in tqdm(list(players_of(runs)), desc="best responses"):
        player = MixturePlayer(moment.defenders, shares.tolist())
        success = exploitability(trainer, player, setting, GroundTruth(), seed=seed).attack_success
        gaps.append(Gap(TRAINED, series, moment.updates, success.low, success.high))
    return gaps


def players_of(runs: Mapping[str, Sequence[Moment]]) -> Iterator[tuple[str, Moment, np.ndarray]]:
    """Series, moment and the weights of its states."""
    for moment in runs["gpo"]:
        number = len(moment.defenders)
        yield LAST, moment, np.eye(number)[-1]
        yield AVERAGE, moment, np.full(number, 1 / number)
    for moment in runs["psro"]:
        yield PSRO, moment, moment.shares


def _state(player: object) -> CausalLMPlayer:
    if not isinstance(player, LanguagePolicy):
        raise TypeError(f"{player!r} does not learn")
    return snapshot(player)
