"""The arms that are compared on the built-in world: a few lines of configuration each.

| arm | the defender learns on | the adversary |
|---|---|---|
| sft | – | SFT |
| always-refuse | – (a fixed refusal) | SFT |
| rlhf | the pre-collected prompts P | – |
| rlhf-frozen | what the SFT adversary writes | SFT, frozen |
| rlhf-uniform | uniform reachable prompts A | – |
| red-team | – (SFT) | learns |
| red-team+div | – (SFT) | learns, with diversity |
| gpo | what the adversary writes | learns, alternating |
| gpo+div | the same | learns with diversity, alternating |
| simultaneous | the same | learns, both at every update |
| fictitious | what all adversaries so far write | learns against all defenders so far |
| psro | what the meta-game's mixture of them writes | the same, against its mixture |

The suffix -steps marks RLHF with as many batches of games as GPO plays for both players; a number
after +div is the intensity of the diversity term (the paper's Figure 2), 5 where there is none;
-grpo, -rloo and -reinforce are GPO with another update rule for both players, the knobs that they
share unchanged.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Literal

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.opponents import MetaNash, Opponents, UniformPast
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.processes import ALONE, Processes, shared_reward
from llm_game_agents.schedules import Stage, adversary_only, defender_only, simultaneous
from llm_game_agents.update_rules import GRPOConfig, ReinforceConfig, RLOOConfig, UpdateRule
from llm_game_env import red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.splits import seed_prompts
from llm_game_env.gatekeeper.world import World
from llm_game_env.players import EchoPlayer, Player, ScriptedPlayer
from llm_game_env.vector import VectorGame

NUM_UNIFORM_PROMPTS = 2048
# Of SelfBLEU, for an intensity of 1. The paper's weight of 5 is to scores of long free texts; the
# short questions of a grammar are so alike that it would drown the score.
SELF_BLEU_UNIT = 0.05
EMBEDDING_SHARE = 0.2
HISTORY_BATCHES = 5
Rule = Literal["ppo", "grpo", "rloo", "reinforce"]
OTHER_RULES: dict[Rule, type[UpdateRule]] = {
    "grpo": GRPOConfig,
    "rloo": RLOOConfig,
    "reinforce": ReinforceConfig,
}
Meets = Literal["latest and past", "everybody", "meta-game"]
OTHER_OPPONENTS: dict[Meets, Opponents] = {
    "everybody": UniformPast(),
    # A state that the payoffs' noise puts to 0 is still met: the defender forgets quickly.
    "meta-game": MetaNash(games=384, floor=0.05),
}


@dataclass(frozen=True)
class Arm:
    """One way of training on the built-in world.

    Attributes:
        name: as in tables.
        learners: who learns: "nobody", "defender", "adversary", "both" in alternation, or both "at
            once".
        prompts: who writes the defender's prompts: the adversary's policy, the pre-collected
            prompts themselves, or uniform reachable ones.
        diversity: intensity of the diversity term in the adversary's reward: SelfBLEU weighs
            SELF_BLEU_UNIT times as much, the embedding term a fifth of that, the proportion of the
            paper's 5 and 1. The history is that of the last few batches: in the mean over all
            prompts ever written, a habit of today hardly counts.
        defender: the SFT policy or a fixed refusal.
        budget: where only the defender learns: as many updates as GPO's defender gets, or as many
            batches of games as GPO plays.
        learning_rate, kl_coef: of the defender, as `examples/study.py` tuned them.
        rule: how both players learn.
        meets: whom a learner plays: the latest opponent and, while it is the defender, earlier
            ones; everybody so far; or the meta-game's mixture of them.
    """

    name: str
    learners: Literal["nobody", "defender", "adversary", "both", "at once"] = "nobody"
    prompts: Literal["adversary", "collected", "uniform"] = "adversary"
    diversity: float = 0.0
    defender: Literal["policy", "refusal"] = "policy"
    budget: Literal["updates", "steps"] = "updates"
    learning_rate: float = 2e-4
    kl_coef: float = 0.02
    rule: Rule = "ppo"
    meets: Meets = "latest and past"

    @property
    def trains_defender(self) -> bool:
        """Whether the defender is another one after the run."""
        return self.learners in ("defender", "both", "at once")


ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("sft"),
        Arm("always-refuse", defender="refusal"),
        Arm("rlhf", "defender", "collected", learning_rate=8e-4),
        Arm("rlhf-steps", "defender", "collected", budget="steps", learning_rate=8e-4),
        Arm("rlhf-frozen", "defender", learning_rate=8e-4, kl_coef=0.1),
        Arm("rlhf-frozen-steps", "defender", budget="steps", learning_rate=8e-4, kl_coef=0.1),
        Arm("rlhf-uniform", "defender", "uniform", learning_rate=4e-4),
        Arm("red-team", "adversary"),
        Arm("red-team+div", "adversary", diversity=5.0),
        Arm("gpo", "both"),
        Arm("gpo+div1", "both", diversity=1.0, learning_rate=4e-4, kl_coef=0.1),
        Arm("gpo+div", "both", diversity=5.0, learning_rate=4e-4, kl_coef=0.1),
        Arm("gpo+div10", "both", diversity=10.0, learning_rate=4e-4, kl_coef=0.1),
        Arm("gpo-grpo", "both", rule="grpo"),
        Arm("gpo-rloo", "both", rule="rloo"),
        Arm("gpo-reinforce", "both", rule="reinforce"),
        Arm("simultaneous", "at once"),
        Arm("fictitious", "both", meets="everybody"),
        Arm("psro", "both", meets="meta-game"),
    )
}


def find_arm(name: str) -> Arm:
    """The arm of that name.

    Raises:
        ConfigurationError: there is none.
    """
    if name not in ARMS:
        raise ConfigurationError(f"there is no arm {name!r}; choose from {', '.join(ARMS)}")
    return ARMS[name]


def make_run(
    arm: Arm,
    world: World,
    config: GPOConfig,
    num_games: int,
    processes: Processes = ALONE,
    make_games: Callable[..., VectorGame] = red_team_v0.vector_env,
) -> GPO:
    """The run that an arm stands for; a player that learns gets as many updates in every arm.

    The suffix -steps is the exception, see the table.

    Args:
        arm: see `Arm`.
        world: the build of the world to play in.
        config: GPO's; the other arms take their updates from it.
        num_games: batch size.
        processes: that all make this run.
        make_games: makes the environment, from the arguments of `red_team_v0.vector_env`.
    """
    fixed_prompts = arm.prompts != "adversary"
    instruction = "{seed_prompt}" if fixed_prompts else world.instruction
    prompts = world.seed_prompts
    if arm.prompts == "uniform":
        sample = world.splits.sample(
            world.splits.reachable_train, NUM_UNIFORM_PROMPTS // 2, f"uniform {config.seed}"
        )
        prompts = seed_prompts(sample)
    diversity = None
    if arm.diversity:
        diversity = Diversity(
            self_bleu=SELF_BLEU_UNIT * arm.diversity,
            embedding=EMBEDDING_SHARE * SELF_BLEU_UNIT * arm.diversity,
            encoder=world.encoder,
            window=HISTORY_BATCHES * num_games,
        )
    env = make_games(
        num_games,
        seed_prompts=prompts,
        reward_model=shared_reward(world.reward_model, processes),
        instruction=instruction,
        diversity=diversity,
    )
    adversary: Player = EchoPlayer()
    if not fixed_prompts:
        adversary = LanguagePolicy.load(world.adversary, temperature=config.temperature)
    defender: Player = ScriptedPlayer(REFUSALS)
    if arm.defender == "policy":
        defender = LanguagePolicy.load(world.defender, temperature=config.temperature)
    config, stages = _config(arm, config, num_games), _stages(arm, config)
    return GPO(env, adversary, defender, config, stages, processes)


def with_defender(config: GPOConfig, *, learning_rate: float, kl_coef: float) -> GPOConfig:
    """The configuration with other knobs for the defender."""
    defender = replace(config.defender, learning_rate=learning_rate, kl_coef=kl_coef)
    return replace(config, defender=defender)


def _config(arm: Arm, config: GPOConfig, num_games: int) -> GPOConfig:
    """The configuration with the arm's update rule and opponents."""
    if arm.rule in OTHER_RULES:
        kind = OTHER_RULES[arm.rule]
        defender, adversary = (_as_rule(kind, rule) for rule in (config.defender, config.adversary))
        config = replace(config, defender=defender, adversary=adversary)
    if arm.meets in OTHER_OPPONENTS:
        whom = OTHER_OPPONENTS[arm.meets]
        if isinstance(whom, MetaNash):  # A small run measures its payoffs on small batches, too.
            whom = replace(whom, games=min(whom.games, num_games))
        config = replace(config, defender_plays=whom, adversary_plays=whom)
    return config


def _as_rule(kind: type[UpdateRule], rule: UpdateRule) -> UpdateRule:
    """Another rule with the knobs that it shares with this one."""
    shared = {knob.name for knob in fields(kind)} & {knob.name for knob in fields(rule)}
    return kind(**{name: getattr(rule, name) for name in shared})


def _stages(arm: Arm, config: GPOConfig) -> list[Stage]:
    if arm.learners == "defender":
        equal_steps = config.attack_updates if arm.budget == "steps" else 0
        return list(defender_only(config.rounds * (config.defend_updates + equal_steps)))
    if arm.learners == "adversary":
        return list(adversary_only(config.rounds * config.attack_updates))
    if arm.learners == "at once":  # As many batches of games as in alternation.
        return list(simultaneous(sum(stage.updates for stage in config.schedule()) // 2))
    return config.schedule() if arm.learners == "both" else []
