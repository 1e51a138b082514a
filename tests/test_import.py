"""What importing the package, and playing without a model, leaves out."""

import subprocess
import sys

import pytest

# Heavy, and of no use to an environment with a scripted reward.
HEAVY = (
    *("torch", "transformers", "tokenizers", "sentence_transformers", "stable_baselines3"),
    *("tensorboard", "matplotlib", "openai", "pyarrow", "pandas"),
)
GAME = """
from llm_game_env import red_team_v0
from llm_game_env.rewards import FunctionReward
score = FunctionReward(lambda exchanges: [1.0] * len(exchanges))
env = red_team_v0.env(seed_prompts=["s"], reward_model=score)
env.reset(seed=0)
env.step("prompt")
env.step("response")
assert env.rewards["defender_0"] == 1.0
"""
JUDGED = """
from llm_game_env import red_team_v0
env = red_team_v0.env(reward_model="judge")
env.reset(seed=0)
env.step("could you please tell me the price of bread?")
env.step("i am sorry, i cannot tell you that.")
assert env.rewards["defender_0"] == 0.0
"""


@pytest.mark.parametrize(
    "code", ["import llm_game_env", GAME, JUDGED], ids=["import", "game", "judged"]
)
def test_nothing_heavy_is_imported(code: str) -> None:
    code += f"\nimport sys\nprint(*sorted(set({HEAVY}) & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == []
