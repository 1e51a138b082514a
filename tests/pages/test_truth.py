"""The environments' pages, their modules' docstrings: what they say of themselves is so."""

import inspect
import re
from typing import Any

import gymnasium
import numpy as np
import pettingzoo
import pytest

from llm_game_env import defaults, jailbreak_v0, matrix_v0, red_team_v0, rules, single_agent
from llm_game_env.formats import TokenSettings
from llm_game_env.rewards import FunctionIntent, FunctionReward
from llm_game_env.single_agent import arguments as seat_arguments

MODULES = [red_team_v0, jailbreak_v0, matrix_v0]
OWN: dict[str, Any] = {
    "seed_prompts": ["s"],
    "reward_model": FunctionReward(lambda exchanges: [0.5] * len(exchanges)),
}
TOKENS: dict[str, Any] = {"action_format": "tokens", "max_tokens": 3, "max_context": 7}


def section(module: Any, title: str) -> str:
    return re.split(r"^### ", module.__doc__.split(f"### {title}\n")[1], flags=re.MULTILINE)[0]


def table(text: str, first: str) -> list[list[str]]:
    """The rows of the table whose head begins with a word, or with none; each a list of cells."""
    lines = text.split(f"| {first} |".replace("  ", " "))[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def names(cells: list[str]) -> list[str]:
    """What stands in backquotes."""
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def defaults_of(*functions: Any) -> dict[str, str]:
    """The keyword arguments of some functions, and what they are by default."""
    found: dict[str, str] = {}
    for function in functions:
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is parameter.KEYWORD_ONLY:
                missing = parameter.default is parameter.empty
                found[name] = "required" if missing else f"`{parameter.default!r}`"
    return found


def documented(text: str) -> dict[str, str]:
    return {name.strip("`"): default for name, default, _ in table(text, "argument")}


# --- Arguments ----------------------------------------------------------------------------------


def test_the_arguments_of_red_team_are_all_there() -> None:
    found = defaults_of(red_team_v0.raw_env, rules.make_rules, red_team_v0._rules)
    settings = inspect.signature(TokenSettings).parameters
    found |= defaults_of(defaults._token_settings)
    for name in ("max_tokens", "max_context", "illegal"):
        found[name] = f"`{settings[name].default!r}`"
    del found["intent"]  # of jailbreak_v0
    found["action_format"] = "`'text'`"
    assert documented(section(red_team_v0, "Arguments")) == found
    assert set(defaults.TOKEN_ARGUMENTS) <= set(found)


def test_the_arguments_of_jailbreak_are_all_there() -> None:
    text = section(jailbreak_v0, "Arguments")
    assert "Those of `red_team_v0`" in text
    own = defaults_of(jailbreak_v0._rules)
    shared = defaults_of(red_team_v0._rules)
    new = {name: default for name, default in own.items() if name not in shared}
    assert documented(text) == new | {"seed_prompts": shared["seed_prompts"]}


def test_the_arguments_of_the_matrix_game_are_all_there() -> None:
    found = defaults_of(matrix_v0.raw_env) | {"payoff": "matching pennies"}
    assert documented(section(matrix_v0, "Arguments")) == found
    vector = set(inspect.signature(matrix_v0.vector_env).parameters)
    assert vector == set(found) - {"render_mode"} | {"num_envs"}


def test_the_arguments_of_the_single_agent_views_are_all_there() -> None:
    found = defaults_of(seat_arguments.choose_seat, red_team_v0.single_agent_vector_env)
    for known in ("diversity", "render_mode"):  # of the game
        del found[known]
    assert documented(single_agent.__doc__ or "") == found


@pytest.mark.parametrize("module", MODULES)
def test_unknown_arguments_are_refused_by_every_view(module: Any) -> None:
    intent = {"intent": FunctionIntent(lambda *_: True)} if module is jailbreak_v0 else {}
    arguments = {} if module is matrix_v0 else OWN | intent
    for make in (module.env, module.raw_env, module.parallel_env):
        with pytest.raises(TypeError, match="max_turn'"):
            make(max_turn=2, **arguments)
    with pytest.raises(TypeError, match="max_turn'"):
        module.vector_env(2, max_turn=2, **arguments)


# --- Spaces and infos ---------------------------------------------------------------------------


def games(module: Any, **arguments: Any) -> Any:
    intent = {"intent": FunctionIntent(lambda *_: True)} if module is jailbreak_v0 else {}
    env = module.raw_env(**OWN, **intent, **arguments)
    env.reset(seed=0)
    return env


@pytest.mark.parametrize("action_format", ["text", "tokens"])
def test_the_spaces_of_the_text_games(action_format: str) -> None:
    arguments = TOKENS if action_format == "tokens" else {"max_turns": 4}
    rows = table(section(red_team_v0, "Observations"), action_format)
    for module in (red_team_v0, jailbreak_v0):
        env = games(module, **arguments)
        actions, seen = env.action_space("adversary_0"), env.observation_space("adversary_0")
        assert sorted(name for row in rows for name in names(row[:1])) == sorted(seen.spaces)
        known = {
            "V": getattr(actions, "n", None),
            "max_context": 7,
            "max_turns": 4,
            "Discrete": gymnasium.spaces.Discrete,
            "Box": lambda low, high, shape, dtype: gymnasium.spaces.Box(
                low, high, tuple(shape), dtype
            ),
            "Chat": type(seen["messages"]) if "messages" in seen.spaces else None,
            "int64": np.int64,
            "int8": np.int8,
        }
        for row in rows:
            (name,), (space,) = names(row[:1]), names(row[1:2])
            assert seen[name] == eval(space, known), name


@pytest.mark.parametrize("module", [red_team_v0, jailbreak_v0])
def test_the_infos_of_the_text_games(module: Any) -> None:
    rows = table(section(red_team_v0, "Rewards"), "info")
    assert sorted(games(module).infos["adversary_0"]) == sorted(
        name for row in rows for name in names(row[:1])
    )


def test_the_matrix_game() -> None:
    env = matrix_v0.env().unwrapped
    env.reset()
    assert set(env.infos["adversary_0"]) <= set(names([section(matrix_v0, "Rewards")]))
    for row in table(section(matrix_v0, "Closed forms"), ""):
        (name,) = names(row[:1])
        found: Any = env
        for attribute in name.split("(")[0].split("."):
            found = getattr(found, attribute)
        if "(" in name:
            assert list(inspect.signature(found).parameters) == re.findall(r"[a-z_]+", name)[-2:]


# --- The rest -----------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_the_page_is_whole(module: Any) -> None:
    titles = re.findall(r"^### (.+)$", module.__doc__, re.MULTILINE)
    wanted = ["Example", "Actions", "Observations", "Rewards", "End of a game", "Arguments"]
    assert titles[:6] == wanted
    assert titles[-2:] == ["Errors", "Version history"]
    head = dict(table(module.__doc__, ""))
    name = module.__name__.rsplit(".", 1)[1]
    assert head["Creation"] == f'`{name}.env()` or `make("aec", "llm_game_env/{name}")`'
    assert head["Agents"].startswith(f"`{['adversary_0', 'defender_0']}`".replace("'", '"'))
    if hasattr(pettingzoo, "make"):
        assert f"llm_game_env/{name}".replace("_v", "-v") in pettingzoo.aec_registry


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (red_team_v0, "  total: score 2.000, likeness 0.000, valid 2.000; rewards: adversary -2"),
        (jailbreak_v0, "valid 1.000, intent 1.000; rewards: adversary -1.000, defender 1.000"),
        (matrix_v0, "1.0 1.0\n"),
    ],
)
def test_the_example_runs(module: Any, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", section(module, "Example"), re.DOTALL)
    exec(code, {})
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("module", [red_team_v0, jailbreak_v0])
def test_what_it_calls_by_name_exists(module: Any) -> None:
    for view in ("raw_env", "parallel_env", "vector_env", "single_agent_env"):
        assert view in red_team_v0.__doc__  # pyright: ignore[reportOperatorIssue]
        assert callable(getattr(module, view))
    named = re.findall(r"`(llm_game_env/\w+-v0)`", module.__doc__)
    assert len(named) == 2
    assert set(named) <= set(gymnasium.registry)
