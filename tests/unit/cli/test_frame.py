"""What holds for every command: help, exit codes, where data and talk go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from streams.cli.main import Weir, app
from streams.kafka.client import BrokerUnreachable


def test_help_begins_with_examples_that_name_commands_which_exist() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith("Examples:\n  weir ")


def test_help_does_not_load_what_only_some_commands_need() -> None:
    heavy = ["river", "faust", "aiohttp", "pyarrow"]
    script = f"import sys, streams.cli.main; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"


@pytest.fixture
def failing() -> typer.Typer:
    """A command line whose command raises what it is told to."""
    failing_app = typer.Typer(cls=Weir, pretty_exceptions_enable=False)

    @failing_app.callback()
    def root(debug: bool = typer.Option(False, "--debug")) -> None:
        pass

    @failing_app.command()
    def fail(kind: str) -> None:
        if kind == "unreachable":
            raise BrokerUnreachable("kafka:9092", 3.0)
        if kind == "exit":
            raise typer.Exit(4)
        raise LookupError("\x1b[31mred")

    return failing_app


@pytest.mark.parametrize(
    ("kind", "code", "text"), [("unreachable", 3, "kafka:9092"), ("exit", 4, ""), ("bug", 1, "red")]
)
def test_an_error_is_a_message_on_stderr_and_an_exit_code(
    failing: typer.Typer, kind: str, code: int, text: str
) -> None:
    result = CliRunner().invoke(failing, ["fail", kind])
    assert (result.exit_code, result.stdout) == (code, "")
    assert text in result.stderr
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("arguments", [["--debug", "fail", "bug"], ["fail", "bug", "--debug"]])
def test_debug_shows_where_it_came_from_wherever_it_stands(failing: typer.Typer, arguments: list[str]) -> None:
    result = CliRunner().invoke(failing, arguments)
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "in fail" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["status", "--no-such-option"],
        ["alerts", "--since", "soon"],
        ["worker", "--role", "learner"],
    ],
)
def test_wrong_usage_is_exit_2(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_the_entry_point_of_the_distribution_says_its_version() -> None:
    command = [sys.executable, "-c", "import sys; from streams.cli import main; sys.argv[1:] = ['--version']; main()"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (found.returncode, found.stdout.split()[0]) == (0, "weir")


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    script = "import sys; from streams.cli import main; sys.stdin.read(); main()"
    command = [sys.executable, "-c", script, "config", "explain"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.close()  # only now does the command write
        assert process.stderr.read() == ""
