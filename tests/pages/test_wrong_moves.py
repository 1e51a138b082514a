"""The errors of red_team_v0's page that come from resets and moves; each leaves the game alone."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from llm_game_env import TurnBudget, red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.rewards import Exchange

NAN = float("nan")
NO_FLAGS = [0, 1, None, "yes", NAN, []]
NO_DICTS = [3, "x", [1], ("a", 1), True]
NO_SEEDS = [-1, 0.5, "0", b"0", True, NAN, {}, np.float64(1)]
SEED = "`seed`: no whole number from 0 on, nor N of them in a vector view"
IDS = "`seed_prompt_ids`: none, one unknown, or more than games"
STATE = "`state`: not what `state_dict()` gave, or of another environment"
TEXT = "text: an action that is no string, or longer than `max_chars`"
TOKENS = "tokens: an action that is no whole number below V, or masked"
PARALLEL = "`parallel_env`: no dict, or nothing from the agent to move"
COUNT = "`vector_env`: no list of one action a game"
OUT_OF_TURN = "`vector_env`: actions before the first reset, or after the end"
REWARD = "a reward that is no finite number, or one too few"
BUDGET = "exchanges beyond the `budget`"
VIEWS = ["aec", "parallel", "vector", "single", "single vector"]


def picture(env: Any) -> str:
    """All that can be seen of an environment."""
    env = getattr(env, "aec", env)
    seat = getattr(env, "_seat", None)
    game = seat.game if seat else getattr(env, "game", None) or env._game
    seen: list[Any] = [game.state_dict(), [game.transcript(row) for row in range(game.num_rows)]]
    kept = ("agents", "agent_selection", "rewards", "_cumulative_rewards", "terminations", "infos")
    seen += [getattr(env, name, None) for name in kept if not seat]
    if seat:
        seen += [seat.observe_all(), str(seat._opponent_rng.bit_generator.state)]
    elif getattr(env, "agents", None):
        seen.append(env.last())
    return repr(seen)


@pytest.fixture
def check(refused: Callable[..., None]) -> Callable[..., None]:
    """`check(row, words, env, act)`: `act(env)` is refused, and nothing has changed."""

    def check(row: str, words: str, env: Any, act: Callable[[Any], Any]) -> None:
        before = picture(env)
        refused(red_team_v0, row, words, lambda: act(env))
        assert picture(env) == before

    return check


def started(env: Any) -> Any:
    """In the middle of a game where there is one."""
    env.reset(seed=3)
    return env


def said(name: str, value: Any) -> str:
    return f"(?s)(?=.*{re.escape(name)})(?=.*{re.escape(repr(value)[:90])}).{{20,}}"


# --- Resets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_resets(view: str, views: Any, check: Callable[..., None]) -> None:
    env = started(views[view](max_turns=2))
    for seed in NO_SEEDS:
        check(SEED, said("seed", seed), env, lambda e, s=seed: e.reset(seed=s))
    for options in NO_DICTS:
        words = said("options", options)
        check("`options`: no dict", words, env, lambda e, o=options: e.reset(seed=1, options=o))

    def with_option(name: str, value: Any) -> Callable[[Any], Any]:
        return lambda e: e.reset(seed=1, options={name: value})

    for flag in NO_FLAGS:
        row = "`freeze_history`: neither True nor False"
        check(row, said("freeze_history", flag), env, with_option("freeze_history", flag))
    for ids in (3, "01", True, {"0": 1}, 0.5):
        words = said("seed_prompt_ids", ids)
        check(IDS, words, env, with_option("seed_prompt_ids", ids))
    for ids, words in (
        ([], r"options\['seed_prompt_ids'\] is empty"),
        (["9"], r"no seed has the id \['9'\]; use \['0', '1'\]"),
        ([None], r"no seed has the id \[None\]"),
        (["0", "1", "0"], r"\['seed_prompt_ids'\] names 3 seed prompts for [12] games"),
    ):
        check(IDS, words, env, with_option("seed_prompt_ids", ids))


@pytest.mark.parametrize("view", ["vector", "single vector"])
@pytest.mark.parametrize(
    ("seed", "words"),
    [
        ([1], r"seed=\[1\] has 1 entries for 2 games"),
        ((1, 2, 3), "has 3 entries for 2 games"),
        (np.array([1]), "has 1 entries"),
        ([1, 0.5], r"seed\[1\]=0.5 must be"),
        ([None, 1], r"seed\[0\]=None must be"),
    ],
)
def test_lists_of_seeds(
    view: str, seed: Any, words: str, views: Any, check: Callable[..., None]
) -> None:
    check(SEED, words, started(views[view]()), lambda env: env.reset(seed=seed))


@pytest.mark.parametrize("view", ["aec", "parallel", "vector"])
def test_agents_and_states(view: str, views: Any, check: Callable[..., None]) -> None:
    env = started(views[view]())
    for name in ("judge_0", None, 0, ["adversary_0"]):
        for method in ("observation_space", "action_space", "observe"):
            row = [0] if (view, method) == ("vector", "observe") else []
            if hasattr(env, method):
                check(
                    "`agent`: not one of the agents",
                    said("agent", name),
                    env,
                    lambda e, m=method, a=(*row, name): getattr(e, m)(*a),
                )
    other = views["aec" if view == "vector" else "vector"]().state_dict()
    likeness = views[view](diversity=Diversity(self_bleu=1.0)).state_dict()
    for state, words in (
        (None, "state=None is none that"),
        ({}, "state={} is none that"),
        ({"generators": 1, "history": None}, "state={'generators': 1"),
        (other, "that of [12] games"),
        (likeness, "with diversity=True"),
        (env.state_dict() | {"generators": [{"x": 1}] * (1 + (view == "vector"))}, "'x': 1"),
    ):
        check(STATE, words, env, lambda e, s=state: e.load_state_dict(s))
    if view != "vector":
        env = started(views[view](diversity=Diversity(self_bleu=1.0)))
        for history in (3, {}):
            state = env.state_dict() | {"history": history}
            check(STATE, "state=.* is none that", env, lambda e, s=state: e.load_state_dict(s))


# --- Moves --------------------------------------------------------------------------------------


def step(env: Any, action: Any) -> None:
    """The same action wherever one is asked for."""
    if hasattr(env, "num_envs"):
        env.step([action, action])
    elif hasattr(env, "aec"):
        env.step({"adversary_0": action})
    else:
        env.step(action)


@pytest.mark.parametrize("view", VIEWS)
def test_texts(view: str, views: Any, check: Callable[..., None]) -> None:
    env = started(views[view]())
    for action in (0, None, True, b"x", [], {"a": "b"}, NAN, np.array(["x"])):
        what = f"a {type(action).__name__}"
        check(TEXT, f"row 0 is {what}; send a string", env, lambda e, a=action: step(e, a))
    words = "row 0 is 6 characters; send a string of at most 5 characters"
    check(TEXT, words, env, lambda e: step(e, "6 long"))


@pytest.mark.parametrize("view", VIEWS)
def test_tokens(view: str, views: Any, check: Callable[..., None]) -> None:
    tokens: dict[str, Any] = {"action_format": "tokens", "max_tokens": 3, "max_context": 8}
    env = started(views[view](**tokens, action_mask={"adversary_0": ["vault"]}))
    # The last is a token, but none that begins "vault".
    for action in (-1, 10**6, 1.0, "3", None, [1], NAN, np.float32(1), np.array([1]), 0):
        words = f"row 0 is {re.escape(repr(action))}; send a whole number from 0 to"
        check(TOKENS, words, env, lambda e, a=action: step(e, a))


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        (None, "actions=None must be a dict"),
        ("ok", "actions='ok' must be a dict"),
        ({}, r"actions has the keys \[\]; give one for adversary_0"),
        ({"defender_0": "ok"}, r"has the keys \['defender_0'\]; give one for adversary_0"),
    ],
)
def test_the_parallel_view(
    actions: Any, words: str, views: Any, check: Callable[..., None]
) -> None:
    check(PARALLEL, words, started(views["parallel"]()), lambda env: env.step(actions))


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        (["ok"], "1 actions for 2 games"),
        (["ok"] * 3, "3 actions for 2 games"),
        ([], "0 actions for 2 games"),
        ("ok", "actions='ok' for 2 games"),
        (None, "actions=None for 2 games"),
        ({0: "a", 1: "b"}, "actions={0: 'a', 1: 'b'} for"),
        ({"a"}, "actions={'a'} for"),
        (3, "actions=3 for"),
        (np.array(3), r"actions=array\(3\) for"),
    ],
)
def test_the_vector_views(actions: Any, words: str, views: Any, check: Callable[..., None]) -> None:
    for view in ("vector", "single vector"):
        check(COUNT, words, started(views[view]()), lambda env: env.step(actions))


def test_steps_out_of_turn(own: dict[str, Any], views: Any, check: Callable[..., None]) -> None:
    games = views["vector"]()
    check(OUT_OF_TURN, "call reset", games, lambda e: e.step(["a", "b"]))
    started(games)
    for _ in range(2):
        games.step(["a", "b"])
    check(OUT_OF_TURN, "step with None", games, lambda e: e.step(["a", "b"]))
    wrapped = red_team_v0.env(**own)
    row = "`env`: a step before the first reset"
    check(row, "reset", wrapped.unwrapped, lambda _: wrapped.step("a"))
    started(wrapped)
    for text in ("a", "b"):
        wrapped.step(text)
    row = "`env`: an action of an agent whose game has ended"
    check(row, "None", wrapped.unwrapped, lambda _: wrapped.step("c"))


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([], r"FunctionReward.score returned the shape \(0,\) for [12] exchanges"),
        ([0.5] * 3, r"returned the shape \(3,\)"),
        ([NAN], "returned nan for the prompt 'ok'"),
        ([1e300], "returned inf for the prompt 'ok'"),
    ],
)
def test_rewards(scores: list[float], words: str, views: Any, check: Callable[..., None]) -> None:
    for view in ("aec", "vector"):
        env = started(views[view]())

        def score(exchanges: list[Exchange]) -> list[float]:
            return scores * len(exchanges) if len(scores) == 1 else scores

        game = env.game if view == "vector" else env._game
        game.rules.reward_model.function = score
        actions = ["ok"] * 2 if view == "vector" else "ok"
        env.step(actions)
        check(REWARD, words, env, lambda e, a=actions: e.step(a))


@pytest.mark.parametrize("view", ["aec", "parallel", "vector"])
def test_exchanges_beyond_the_budget(
    view: str, views: dict[str, Callable[..., Any]], check: Callable[..., None]
) -> None:
    budget = TurnBudget(3)
    env = started(views[view](budget=budget))
    budget.spend(budget.limit)
    env.step(action_of(view, "adversary_0"))
    words = "3 of 3 are spent; stop here"
    check(BUDGET, words, env, lambda e: e.step(action_of(view, "defender_0")))


def action_of(view: str, agent: str) -> Any:
    """An action, as the view takes it."""
    if view == "parallel":
        return {agent: "ok"}
    return ["ok"] * 2 if "vector" in view else "ok"


def test_every_move_of_the_page_is_tried(rows: Any) -> None:
    page = list(rows(red_team_v0))
    tried = {SEED, IDS, STATE, TEXT, TOKENS, PARALLEL, COUNT, OUT_OF_TURN, REWARD, BUDGET}
    tried |= {"`options`: no dict", "`freeze_history`: neither True nor False"}
    tried |= {"`agent`: not one of the agents", "`env`: a step before the first reset"}
    tried |= {"`env`: an action of an agent whose game has ended"}
    assert set(page[page.index(SEED) :]) == tried
