"""How a policy learns from what it did: one rule a file, see `UpdateRule`."""

from llm_game_agents.update_rules.config import UpdateRule
from llm_game_agents.update_rules.grpo import GRPO, GRPOConfig
from llm_game_agents.update_rules.learner import PolicyLearner
from llm_game_agents.update_rules.ppo import PPO, PPOConfig
from llm_game_agents.update_rules.protocol import Learner, Loss, Targets
from llm_game_agents.update_rules.reinforce import Reinforce, ReinforceConfig
from llm_game_agents.update_rules.rloo import RLOO, RLOOConfig
from llm_game_agents.update_rules.stats import UpdateStats

__all__ = [
    "GRPO",
    "PPO",
    "RLOO",
    "GRPOConfig",
    "Learner",
    "Loss",
    "PPOConfig",
    "PolicyLearner",
    "RLOOConfig",
    "Reinforce",
    "ReinforceConfig",
    "Targets",
    "UpdateRule",
    "UpdateStats",
]
