"""The entries that the package brings: the arms, each on the whole budget."""

from dataclasses import replace

from llm_game_agents.arms import Arm, find_arm, make_run, with_defender
from llm_game_agents.bench.protocol import Players
from llm_game_agents.bench.tasks import Task
from llm_game_agents.experiment import unwrapped
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import EchoPlayer
from llm_game_env.rules import AGENTS, DEFENDER

BUNDLED = (
    "sft",
    "always-refuse",
    "rlhf",
    "rlhf-frozen",
    "red-team",
    "gpo",
    "gpo+div",
    "simultaneous",
    "gpo-grpo",
    "fictitious",
    "psro",
)
FULL_BATCH, LEAST_BATCH = 384, 16
FULL_ROUND = 18  # batches: 4 updates of the defender and 14 of the adversary
MOST_BATCHES = 54  # that a budget is cut into before the batches grow


class ArmAlgorithm:
    """An arm of `llm_game_agents.arms`, with the learning rate that the study tuned for it.

    Where one player alone learns, it learns on the whole budget.

    Args:
        arm: what is trained.
    """

    def __init__(self, arm: Arm) -> None:
        self.arm = arm
        self._run: GPO | None = None

    def train(self, task: Task) -> None:
        """Plays the arm's schedule; the players are those after its last update."""
        num_games, config = plan(self.arm, task.budget.limit)
        config = with_defender(
            replace(config, seed=task.seed),
            learning_rate=self.arm.learning_rate,
            kl_coef=self.arm.kl_coef,
        )
        self._run = make_run(self.arm, task.world, config, num_games, make_games=task.vector_env)
        self._run.learn()

    def players(self) -> Players:
        """See `Algorithm.players`; an adversary that only repeats seed prompts is none."""
        run = self._run
        if run is None:
            raise ConfigurationError(f"{self.arm.name} has no players yet; call train() first")
        adversary, defender = (unwrapped(run.players[agent]) for agent in AGENTS)
        learner = run.learners.get(AGENTS[DEFENDER])
        return Players(
            adversary=None if isinstance(adversary, EchoPlayer) else adversary,
            defender=defender,
            defender_updates=learner.num_updates if learner else 0,
        )


def bundled(name: str) -> ArmAlgorithm:
    """The entry of that name.

    Raises:
        ConfigurationError: there is none.
    """
    return ArmAlgorithm(find_arm(name))


def plan(arm: Arm, turns: int) -> tuple[int, GPOConfig]:
    """Games a batch, and the stages that a budget pays for.

    The full budget is GPO's own three rounds of batches of 384 games. A smaller one has smaller
    batches, at last fewer of them; a larger one has more rounds.

    Raises:
        ConfigurationError: the budget does not pay for one update of either player.
    """
    num_games = min(FULL_BATCH, max(LEAST_BATCH, turns // MOST_BATCHES))
    num_games -= num_games % 4  # the group that GRPO compares
    batches = turns // num_games
    if batches < 2:
        raise ConfigurationError(
            f"turns={turns} pays for {batches} batches of {num_games} games; give at least "
            f"{2 * LEAST_BATCH}"
        )
    rounds = max(1, batches // FULL_ROUND)
    in_round = batches // rounds
    if arm.learners in ("defender", "adversary"):
        return num_games, GPOConfig(rounds=rounds, defend_updates=in_round, attack_updates=in_round)
    full = GPOConfig()
    defend = max(1, in_round * full.defend_updates // FULL_ROUND)
    return num_games, GPOConfig(
        rounds=rounds, defend_updates=defend, attack_updates=in_round - defend
    )
