"""The errors of jailbreak_v0's page and of the single-agent views."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from llm_game_env import jailbreak_v0, red_team_v0, single_agent
from llm_game_env.rewards import FunctionIntent
from llm_game_env.seeds import Seed

NAN = float("nan")
NO_COUNTS = [0, -1, 1.0, "2", None, True, NAN, [1]]
COUNTS = "`opponent_max_tokens`, `num_envs`: no whole number from 1 on"
MODES = "`autoreset_mode`, `render_mode`: none of the choices"


def kept(_goal: str, _prompt: str) -> bool:
    return True


def said(name: str, value: Any) -> str:
    return f"(?s)(?=.*{re.escape(name)})(?=.*{re.escape(repr(value)[:90])}).{{20,}}"


# --- Jailbreak ----------------------------------------------------------------------------------


def test_jailbreaks(own: dict[str, Any], refused: Callable[..., None], rows: Any) -> None:
    tried = set()

    def check(row: str, words: str, act: Callable[[], Any]) -> None:
        tried.add(row)
        refused(jailbreak_v0, row, words, act)

    benign = own | {"seed_prompts": [Seed("x", "benign")], "intent": FunctionIntent(kept)}
    for make in (jailbreak_v0.env, jailbreak_v0.parallel_env):
        words = "seed_prompts holds no goal"
        check("`seed_prompts`: all are benign", words, lambda m=make: m(**benign))
        words = "intent=None: with your own seed_prompts"
        row = "`intent`: none, with seed prompts of your own"
        check(row, words, lambda m=make: m(**own))
        for intent in (3, "same", kept, FunctionIntent):
            row, arguments = "`intent`: no `keeps()`", own | {"intent": intent}
            if intent is not FunctionIntent:  # a class has the method too
                check(row, said("intent", intent), lambda m=make, a=arguments: m(**a))

    check_ = FunctionIntent(kept)
    env = jailbreak_v0.raw_env(**own, intent=check_)
    for answer in ([], [True, True], True):
        check_.keeps = lambda *_, a=answer: np.array(a)  # pyright: ignore
        env.reset(seed=0)
        env.step("p")
        before = env.transcript()
        row = "an intent check that gives not one truth value a prompt"
        check(row, "FunctionIntent.keeps returned the shape", lambda: env.step("r"))
        assert env.transcript() == before
    assert tried == set(rows(jailbreak_v0))


# --- The single-agent views ---------------------------------------------------------------------


def test_single_agent_views(
    own: dict[str, Any], views: Any, refused: Callable[..., None], rows: Any
) -> None:
    tried = set()

    def check(row: str, words: str, act: Callable[[], Any]) -> None:
        tried.add(row)
        refused(single_agent, row, words, act)

    for view, actions in ((views["single"], "p"), (views["single vector"], ["p", "q"])):
        try_both(view, actions, check)
    try_the_batch(own, views["single vector"], check)
    assert tried == set(rows(single_agent))


def try_both(view: Callable[..., Any], actions: Any, check: Callable[..., None]) -> None:
    """What goes wrong in either view."""
    for name in ("judge_0", None, 0, np.array([1, 2])):
        row = "`agent`: not one of the agents"
        check(row, said("agent", name), lambda n=name: view(agent=n))
    row = "`opponent`: no `Player`, or none with seed prompts of your own"
    for opponent in (3, "gpt", len):
        check(row, said("opponent", opponent), lambda o=opponent: view(opponent=o))
    check(row, "opponent=None: with your own", lambda: view(opponent=None))
    for count in NO_COUNTS:
        words = said("opponent_max_tokens", count)
        check(COUNTS, words, lambda c=count: view(opponent_max_tokens=c))
    for mode in ("rgb_array", 3, np.array([1, 2])):
        check(MODES, said("render_mode", mode), lambda m=mode: view(render_mode=m))
    check("masks asked for in the text format", "action_format='tokens'", view().action_masks)
    # An environment that would start a new game by itself is not asked to.
    env = view(**{} if isinstance(actions, str) else {"autoreset_mode": "Disabled"})
    for _ in range(2):
        row = "a step before the first reset, or after the end"
        check(row, "call reset", lambda: env.step(actions))
        env.reset()
        env.step(actions)
    silent = view(opponent=Silent())
    silent.reset()
    row = "an opponent that does not give one message a conversation"
    check(row, "opponent=.* gave 0 messages for", lambda: silent.step(actions))


def try_the_batch(
    own: dict[str, Any], view: Callable[..., Any], check: Callable[..., None]
) -> None:
    """What goes wrong in the vector view alone; two games go on through all of it."""
    seat = own | {"agent": "adversary_0", "opponent": Silent()}
    for count in NO_COUNTS:
        make = red_team_v0.single_agent_vector_env
        check(COUNTS, said("num_envs", count), lambda c=count, m=make: m(c, **seat))
    for mode in ("Never", None, 1):
        check(MODES, said("autoreset_mode", mode), lambda m=mode: view(autoreset_mode=m))
    check(MODES, "render_mode='human' must be 'ansi'", lambda: view(render_mode="human"))
    env = view()
    env.reset(seed=0)
    before = [env.transcript(row) for row in range(2)]
    row = "`reset_mask`: not N truth values, none True, or with a seed"
    for flags in ([True], [False, False], [1, 0], 3, "x", [[True], [True, False]], True):
        words = said("reset_mask", flags)
        check(row, words, lambda f=flags: env.reset(options={"reset_mask": f}))
    check(row, "with a seed", lambda: env.reset(seed=1, options={"reset_mask": [True, False]}))
    row = "`seed_prompt_ids`: not one for each game that starts"
    check(row, "names 1 .* 2 games", lambda: env.reset(options={"seed_prompt_ids": ["0"]}))
    row = "no list of one action a game in the vector view"
    for actions, words in ((["p"], "1 actions for 2"), ("pq", "actions='pq'"), (3, "actions=3")):
        check(row, words, lambda a=actions: env.step(a))
    assert [env.transcript(row) for row in range(2)] == before


class Silent:
    """Answers nobody."""

    def reply(self, conversations: Any, rng: Any, *, max_tokens: int) -> list[str]:
        return []
