"""Keys: what lets somebody in, and what does not."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from typer.testing import CliRunner

from streams.cli.main import app
from streams.http.keys import KeyFileInvalid, Scope, caller_of, new_key, read_keys
from streams.http.watched_file import LOOK_AGAIN_S, WatchedFile, WritableByAll

KEY, RECORD = new_key("mobile", (Scope.PREDICT,))
LINE = msgspec.json.encode(RECORD)


def test_a_key_lets_its_owner_in_and_nothing_in_the_file_does() -> None:
    keys = read_keys(LINE)
    caller = caller_of(keys, KEY)
    assert caller is not None
    assert (caller.name, caller.may(Scope.PREDICT), caller.may(Scope.READ)) == ("mobile", True, False)
    secret = KEY.rpartition("_")[2] if KEY.count("_") == 2 else KEY[22:]
    assert secret.encode() not in LINE
    for presented in (RECORD.sha256, f"weir_{RECORD.id}_{RECORD.sha256[:43]}", KEY[:-1], f"{KEY}x", "", KEY.upper()):
        assert caller_of(keys, presented) is None


def test_equal_secrets_have_different_lines_and_admin_may_everything() -> None:
    assert len({new_key("a", (Scope.READ,))[1].salt for _ in range(50)}) == 50
    key, record = new_key("root", (Scope.ADMIN,))
    caller = caller_of({record.id: record}, key)
    assert caller is not None
    assert all(caller.may(scope) for scope in Scope)


@given(st.text(max_size=80) | st.integers(0, len(KEY) - 1).map(lambda at: KEY[:at] + "~" + KEY[at + 1 :]))
def test_whatever_is_presented_raises_nothing_and_lets_nobody_in(presented: str) -> None:
    assert caller_of(read_keys(LINE), presented) is None


@given(st.binary(max_size=200))
def test_any_file_is_keys_or_is_refused(text: bytes) -> None:
    with suppress(KeyFileInvalid):
        assert set(read_keys(text)) <= {record.id for record in read_keys(text).values()}


def test_a_bad_line_is_named_and_not_shown() -> None:
    with pytest.raises(KeyFileInvalid, match="line 3") as raised:
        read_keys(b"# ours\n" + LINE + b"\nsecret-in-the-wrong-place\n")
    assert "secret" not in str(raised.value)
    with pytest.raises(KeyFileInvalid, match="line 2"):
        read_keys(LINE + b"\n" + LINE)


class Keeper:
    """A key file with a clock moved by hand."""

    def __init__(self, path: Path) -> None:
        self.now, self.path = 0.0, path
        path.write_bytes(LINE)
        self.file = WatchedFile(path, "key file", read_keys, lambda: self.now)

    def later(self) -> set[str]:
        self.now += LOOK_AGAIN_S
        return set(self.file.content())


def test_keys_come_and_go_without_a_restart(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "keys")
    _, other = new_key("mobile", (Scope.PREDICT,))
    keeper.path.write_bytes(LINE + b"\n" + msgspec.json.encode(other))
    assert keeper.later() == {RECORD.id, other.id}
    keeper.path.write_bytes(msgspec.json.encode(other))
    assert keeper.later() == {other.id}
    # As Kubernetes mounts a secret: another file takes the name.
    (tmp_path / "next").write_bytes(LINE)
    (tmp_path / "next").replace(keeper.path)
    assert keeper.later() == {RECORD.id}


def test_a_file_that_cannot_be_read_changes_nothing_and_is_told_each_time(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "keys")
    keeper.path.write_bytes(b"broken")
    with capture_logs() as logs:
        assert keeper.later() == {RECORD.id}
        keeper.path.unlink()
        assert keeper.later() == {RECORD.id}
    assert len(logs) == 2
    keeper.path.write_bytes(b"")
    assert keeper.later() == set()


def test_the_command_makes_a_key_that_lets_in_and_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    made = [
        CliRunner().invoke(app, ["key", "new", name, "--file", str(path), "--scope", "predict", "--scope", "read"])
        for name in ("mobile", "web")
    ]
    keys = read_keys(path.read_bytes())
    callers = [caller_of(keys, each.stdout.strip()) for each in made]
    assert [caller.name for caller in callers if caller] == ["mobile", "web"]
    assert all(caller and caller.may(Scope.READ) for caller in callers)
    assert path.stat().st_mode & 0o077 == 0
    refused = CliRunner().invoke(app, ["key", "new", "no name", "--file", str(path)])
    assert refused.exit_code == 2
    assert len(read_keys(path.read_bytes())) == 2


def test_a_line_that_was_torn_does_not_swallow_the_next_key(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"# no end of line")
    CliRunner().invoke(app, ["key", "new", "mobile", "--file", str(path)])
    assert [record.name for record in read_keys(path.read_bytes()).values()] == ["mobile"]


def test_a_file_that_everybody_may_write_to_lets_nobody_in_and_one_of_a_group_is_told(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "keys")
    keeper.path.chmod(0o620)
    _, other = new_key("theirs", (Scope.ADMIN,))
    keeper.path.write_bytes(LINE + b"\n" + msgspec.json.encode(other))
    with capture_logs() as logs:
        assert keeper.later() == {RECORD.id, other.id}
    assert [each["who"] for each in logs if each["log_level"] == "warning"] == ["its group"]
    keeper.path.chmod(0o602)
    keeper.path.write_bytes(LINE)
    with capture_logs() as logs:
        assert keeper.later() == {RECORD.id, other.id}, "as before"
    assert "chmod o-w" in logs[0]["why"]
    with pytest.raises(WritableByAll):
        WatchedFile(keeper.path, "key file", read_keys, lambda: 0.0)


@pytest.mark.parametrize(("mode", "told", "made"), [(0o602, "error: everybody", 0), (0o660, "warning: its group", 1)])
def test_the_command_adds_no_key_where_everybody_could(tmp_path: Path, mode: int, told: str, made: int) -> None:
    path = tmp_path / "keys"
    path.touch()
    path.chmod(mode)
    said = CliRunner().invoke(app, ["key", "new", "mobile", "--file", str(path)])
    assert said.stderr.startswith(told)
    assert (said.exit_code == 0) is bool(made)
    assert len(read_keys(path.read_bytes())) == made
