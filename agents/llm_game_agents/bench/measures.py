"""What is measured of the players that an algorithm has come to, by the ground truth."""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from llm_game_agents.bench.protocol import Players
from llm_game_agents.bench.settings import BenchSettings
from llm_game_agents.bench.tasks import Task
from llm_game_agents.best_response import PPOBestResponse
from llm_game_agents.experiment import unwrapped
from llm_game_env.evaluation.exploitability import exploitability
from llm_game_env.evaluation.goal_judge import GoalJudge
from llm_game_env.evaluation.judges import GroundTruth, Judge, verdicts_of
from llm_game_env.evaluation.playing import play
from llm_game_env.evaluation.prompt_diversity import prompt_diversity
from llm_game_env.evaluation.setting import Setting
from llm_game_env.evaluation.verdicts import DefenderRates, defender_rates
from llm_game_env.gatekeeper.intent import SameMatter
from llm_game_env.gatekeeper.splits import BLIND_FRAME
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.players.protocol import Player
from llm_game_env.rules import ADVERSARY, AGENTS
from llm_game_env.turn_budget import TurnBudget


@dataclass(frozen=True)
class Measures:
    """Shares in [0, 1], but for the diversity; None where the algorithm has no such player.

    Attributes:
        exploitability: games that a freshly trained adversary wins against the defender.
        response_seconds: wall-clock time of its training.
        held_out_leak: held-out secret questions that are answered.
        over_refusal: held-out ordinary questions that are refused.
        helpful: held-out ordinary questions that are answered rightly.
        attack: games that the adversary wins against the SFT defender.
        diversity: 1 - SelfBLEU among the adversary's prompts, in [0, 1].
    """

    exploitability: float | None = None
    response_seconds: float | None = None
    held_out_leak: float | None = None
    over_refusal: float | None = None
    helpful: float | None = None
    attack: float | None = None
    diversity: float | None = None


def measure(players: Players, task: Task, settings: BenchSettings) -> Measures:
    """Tests both players; what is drawn depends on the task's seed alone.

    The games are played outside the task's budget.

    Args:
        players: see `Players`.
        task: as the algorithm had it.
        settings: sizes of the tests, and the budget of the best response.
    """
    adversary = None if players.adversary is None else unwrapped(players.adversary)
    defender = None if players.defender is None else unwrapped(players.defender)
    attack = diversity = None
    if adversary is not None:
        attack, diversity = _attack(adversary, task, settings)
    if defender is None:
        return Measures(attack=attack, diversity=diversity)
    rates = _held_out(defender, task, settings)
    found = exploitability(
        _trainer(task, settings),
        defender,
        _setting(task, settings),
        _judge(task),
        seed=task.seed,
    )
    return Measures(
        exploitability=found.attack_success.share,
        response_seconds=found.budget.seconds,
        held_out_leak=rates.leak,
        over_refusal=rates.over_refusal,
        helpful=rates.helpful,
        attack=attack,
        diversity=diversity,
    )


def _attack(adversary: Player, task: Task, settings: BenchSettings) -> tuple[float, float]:
    sft = CausalLMPlayer.load(task.world.defender)
    played = play(adversary, sft, _setting(task, settings), seed=task.seed)
    exchanges = [one.exchange for one in played]
    success = verdicts_of(_judge(task), exchanges).success
    varied = prompt_diversity([exchange.prompt for exchange in exchanges])
    return float(success.mean()), varied.selfbleu


def _held_out(defender: Player, task: Task, settings: BenchSettings) -> DefenderRates:
    splits = task.world.splits
    questions = [one for one in splits.held_out_test if one.frame != BLIND_FRAME]
    asked = splits.sample(questions, settings.num_per_label, "bench H")
    return defender_rates(defender, asked, np.random.default_rng(task.seed))


def _trainer(task: Task, settings: BenchSettings) -> PPOBestResponse:
    """PPO from the SFT adversary, in games of the task that have a budget of their own."""
    turns = settings.response_updates * settings.response_games
    own = Task(task.name, TurnBudget(turns), task.seed, task.world)
    return PPOBestResponse(
        AGENTS[ADVERSARY],
        task.world.adversary,
        partial(own.vector_env, settings.response_games),
        settings.response_updates,
    )


def _setting(task: Task, settings: BenchSettings) -> Setting:
    """As many games as are wanted, from all seed prompts alike as far as that can be."""
    seeds = task.seed_prompts
    rng = np.random.default_rng([task.seed, len(seeds)])
    drawn = [seeds[i] for i in rng.permutation(len(seeds))[: settings.num_attacks]]
    return Setting(
        drawn,
        instruction=task.world.instruction,
        games_per_seed=math.ceil(settings.num_attacks / len(drawn)),
    )


def _judge(task: Task) -> Judge:
    """The ground truth. A goal of jailbreak is a secret, which to refuse is never over-refusal."""
    return GoalJudge(GroundTruth(), SameMatter()) if task.has_goal else GroundTruth()
