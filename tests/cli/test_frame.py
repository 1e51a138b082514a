"""What all commands share: the overview, errors in one line, exit statuses."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType

import pytest

from llm_game_env.cli import main
from llm_game_env.cli.commands import COMMANDS, Command
from llm_game_env.errors import ConfigurationError

GREET = Command("greet", "greet_command", "says hello", "llm-game greet --name Ada")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., int]], None]:
    """`command(run)`: the only command there is, `greet`, does this."""

    def install(run: Callable[[argparse.Namespace], int]) -> None:
        module = ModuleType("greet_command")
        module.__dict__.update(
            SUMMARY="Says hello.",
            add_arguments=lambda parser: parser.add_argument("--name", default="you"),
            run=run,
        )
        monkeypatch.setitem(sys.modules, "greet_command", module)
        for where in ("frame.COMMANDS", "commands.COMMANDS"):
            monkeypatch.setattr(f"llm_game_env.cli.{where}", (GREET,))

    return install


def test_runs_the_command(command: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    command(lambda arguments: sys.stdout.write(f"hello {arguments.name}\n"))
    assert main(["greet", "--name", "Ada"]) == 10  # what write returns
    assert capsys.readouterr().out == "hello Ada\n"


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_overview(
    words: list[str], command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(lambda _: 0)
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert GREET.summary in printed
    assert f"$ {GREET.example}" in printed


def test_without_words_the_overview_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: llm-game" in capsys.readouterr().out


def test_help_of_a_command(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(lambda _: 0)
    assert main(["greet", "--help"]) == 0
    printed = capsys.readouterr().out
    assert "Says hello." in printed
    assert "--name" in printed
    assert GREET.example in printed


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"llm-game {version('llm-game-env')}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gret"], "error: there is no command 'gret'; did you mean 'greet'? "),
        (["greet", "--age", "3"], "error: unrecognized arguments: --age 3; "),
        (["greet", "--nam", "Ada"], "error: unrecognized arguments: --nam Ada; "),
        (["greet", "--name"], "error: argument --name: expected one argument; "),
    ],
)
def test_wrong_words(
    words: list[str],
    said: str,
    command: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    command(lambda _: 0)
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(said)
    assert err.count("\n") == 1
    assert "--help" in err


def test_errors_of_a_command_take_one_line(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: argparse.Namespace) -> int:
        raise ConfigurationError("name=''\n  must not be empty;\n give one")

    command(fail)
    assert main(["greet"]) == 2
    assert capsys.readouterr().err == "error: name='' must not be empty; give one\n"


def test_ctrl_c(command: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    command(interrupt)
    assert main(["greet"]) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_a_reader_that_has_gone_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        run = subprocess.run(
            [sys.executable, "-m", "llm_game_env.cli", "--help"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert run.returncode == 141
    assert run.stderr == b""


def test_the_overview_imports_no_command_and_nothing_heavy() -> None:
    code = (
        "import sys; from llm_game_env.cli import main; main(['--help'])\n"
        "heavy = {'torch', 'transformers', 'scipy', 'matplotlib', 'llm_game_agents', 'rich'}\n"
        f"heavy |= set({[command.module for command in COMMANDS]})\n"
        "print('imported:', *sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.splitlines()[-1] == "imported:"
