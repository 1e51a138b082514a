"""Every way to make an environment by its name, in an interpreter that has imported nothing."""

import subprocess
import sys

import pettingzoo
import pytest

from llm_game_env.registration import ENVIRONMENTS, NAMESPACE, SEATS

registered = pytest.mark.skipif(
    not hasattr(pettingzoo, "make"), reason="PettingZoo has a registry from 1.27 on"
)
# What the programs make environments with, without importing anything of ours before they do.
PROGRAM = """
import numpy

class Echo:
    def reply(self, conversations, rng, *, max_tokens):
        return [messages[-1]["content"] for messages in conversations]

class Indifferent:
    best = 1.0
    def score(self, exchanges):
        return numpy.zeros(len(exchanges), numpy.float32)

class Lenient:
    def keeps(self, goals, prompts):
        return numpy.ones(len(goals), bool)

GAME = {"seed_prompts": ["one", "two"], "reward_model": Indifferent()}
GAMES = {"red_team_v0": GAME, "jailbreak_v0": GAME | {"intent": Lenient()}, "matrix_v0": {}}
"""


def run(*lines: str) -> None:
    """Runs them after `PROGRAM`, under the warnings filter of these tests."""
    program = "\n".join([PROGRAM, *lines])
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("before", ["", "llm_game_env:"])
def test_made_by_gymnasium(before: str) -> None:
    """By the id alone after the import; with the package's name in front, that is imported."""
    lines = ["import gymnasium" if before else "import gymnasium, llm_game_env"]
    for name, (module, _) in SEATS.items():
        made = f"('{before}{NAMESPACE}/{name}', **GAMES['{module}'], opponent=Echo()"
        lines += [
            f"env = gymnasium.make{made})",
            f"assert env.spec.id == '{NAMESPACE}/{name}'",
            "env.reset(seed=0)",
            f"envs = gymnasium.make_vec{made}, num_envs=2)",
            "assert type(envs.unwrapped).__name__ == 'SingleAgentVectorEnv'",
            "envs.reset(seed=0)",
        ]
    run(*lines)


@registered
def test_pettingzoo_knows_the_ids_after_the_import() -> None:
    names = [(name, name) for name in ENVIRONMENTS]
    names += [(name, name.replace("_v", "-v")) for name in ENVIRONMENTS]
    made = [
        f"pettingzoo.make('{kind}', '{NAMESPACE}/{known_as}', **GAMES['{name}']).reset(seed=0)"
        for name, known_as in names
        for kind in ("aec", "parallel")
    ]
    run("import pettingzoo, llm_game_env", *made)


@registered
def test_pettingzoo_takes_no_names_of_packages() -> None:
    """Should it ever, the test above wants a second one without the import."""
    with pytest.raises(Exception, match="Malformed environment ID"):
        pettingzoo.make("aec", f"{NAMESPACE}:{NAMESPACE}/red_team_v0")
