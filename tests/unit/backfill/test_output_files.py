"""Files at the end: whole or not there, never in place of another one, never through another user's link."""

from __future__ import annotations

import fcntl
import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelError
from streams.backfill import durable, run
from streams.backfill.unfinished import UnfinishedOutput
from tests.unit.backfill.building import rows, write

REJECTED = "out.jsonl.rejected.jsonl"


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A disk that gets full in the middle of a write: the write takes a part, the next one fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_is_cut_short_fails_and_the_next_run_goes_on(
    folder: Path, weir: Callable[..., Any], small_pieces: None
) -> None:
    write(folder / "in.jsonl", rows(2000))
    assert weir("in.jsonl", "whole.jsonl").exit_code == 0
    with largest_file((folder / "whole.jsonl").stat().st_size // 2):
        result = weir("in.jsonl", "out.jsonl")
    assert result.exit_code == 1 and "File too large" in result.stderr
    assert not (folder / "out.jsonl").exists()
    result = weir("in.jsonl", "out.jsonl", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["went_on_at"] > 0
    assert (folder / "out.jsonl").read_bytes() == (folder / "whole.jsonl").read_bytes()
    assert (folder / REJECTED).read_bytes() == (folder / "whole.jsonl.rejected.jsonl").read_bytes()


def test_a_file_that_lost_bytes_gets_no_name(tmp_path: Path) -> None:
    output = UnfinishedOutput(tmp_path / "out", tmp_path / "rejected", is_parquet=False, overwrite=False)
    output.lock()
    output.begin({}, b"head")
    os.truncate(output.folder / "answers", 2)
    with pytest.raises(ModelError, match="holds 2 bytes of 4"):
        output.finish()
    output.close()
    assert not (tmp_path / "out").exists()


@pytest.fixture
def stopped(folder: Path, weir: Callable[..., Any], small_pieces: None) -> Path:
    """The folder of a run that was stopped in the middle."""
    write(folder / "in.jsonl", rows(2000))
    with largest_file(100_000):
        assert weir("in.jsonl", "out.jsonl").exit_code == 1
    return folder / "out.jsonl.unfinished"


@pytest.mark.parametrize("name", ["out.jsonl", REJECTED])
def test_going_on_replaces_nothing_unasked(name: str, stopped: Path, folder: Path, weir: Callable[..., Any]) -> None:
    (folder / name).write_text("precious")
    held = (stopped / "progress.json").read_bytes()
    result = weir("in.jsonl", "out.jsonl")
    assert result.exit_code == 1 and "--overwrite" in result.stderr
    assert (folder / name).read_text() == "precious"
    assert (stopped / "progress.json").read_bytes() == held  # said before any row was answered
    result = weir("in.jsonl", "out.jsonl", "--overwrite", "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["went_on_at"] > 0
    assert (folder / name).read_text() != "precious"


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_what_comes_to_be_during_a_run_is_not_replaced(
    form: str, folder: Path, weir: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "in.jsonl", rows(20))
    out = folder / f"out.{form}"
    with monkeypatch.context() as patched:
        patched.setattr(run, "_require_unchanged", lambda *_: out.write_text("precious"))
        result = weir("in.jsonl", out)
    assert result.exit_code == 1 and "--overwrite" in result.stderr
    assert out.read_text() == "precious"
    out.unlink()
    result = weir("in.jsonl", out, "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["went_on_at"] == 20
    assert out.stat().st_size > 100 and not (folder / f"out.{form}.unfinished").exists()


def test_a_file_of_rejected_rows_is_not_replaced_by_a_stream(folder: Path, weir: Callable[..., Any]) -> None:
    write(folder / "in.jsonl", rows(20))
    for name in ("r", "r.unfinished"):
        (folder / name).write_text("precious")
        result = weir("in.jsonl", "-", "--rejected", "r")
        assert result.exit_code == 1 and "--overwrite" in result.stderr and not result.stdout
        assert (folder / name).read_text() == "precious"
        (folder / name).unlink()
    (folder / "r").write_text("precious")
    assert weir("in.jsonl", "-", "--rejected", "r", "--overwrite").exit_code == 0
    assert (folder / "r").read_bytes() == b""


@pytest.mark.parametrize("has_links", [True, False])
def test_a_name_is_given_once(has_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    if not has_links:

        def refused(*_: Any, **__: Any) -> None:
            raise PermissionError

        monkeypatch.setattr(durable.os, "link", refused)
    source.write_text("new")
    durable.give_name(source, target, replace=False)
    assert target.read_text() == "new" and not source.exists()
    source.write_text("newer")
    with pytest.raises(FileExistsError):
        durable.give_name(source, target, replace=False)
    assert (source.read_text(), target.read_text()) == ("newer", "new")


@pytest.mark.parametrize("planted", ["folder", "lock", "file"])
def test_a_planted_link_is_not_followed(planted: str, folder: Path, weir: Callable[..., Any]) -> None:
    write(folder / "in.jsonl", rows(20))
    victim = folder / "victim"
    victim.mkdir()
    (victim / "lock").write_text("precious")
    unfinished = folder / "out.jsonl.unfinished"
    match planted:
        case "folder":
            unfinished.symlink_to(victim)
        case "lock":
            unfinished.mkdir()
            (unfinished / "lock").symlink_to(victim / "lock")
        case "file":
            unfinished.write_text("something")
    assert weir("in.jsonl", "out.jsonl").exit_code == 1
    assert (victim / "lock").read_text() == "precious" and not (folder / "out.jsonl").exists()


def test_the_folder_of_another_user_is_refused(
    folder: Path, weir: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "in.jsonl", rows(20))
    (folder / "out.jsonl.unfinished").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    result = weir("in.jsonl", "out.jsonl")
    assert result.exit_code == 1 and "no folder of this user" in result.stderr


def test_the_folder_is_for_this_user_alone(stopped: Path) -> None:
    assert stopped.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(Path("/dev/shm").stat().st_dev == Path("/tmp").stat().st_dev, reason="needs two file systems")
def test_another_file_system_is_said_before_any_row(folder: Path, weir: Callable[..., Any]) -> None:
    write(folder / "in.jsonl", rows(20))
    elsewhere = f"/dev/shm/weir-{os.getpid()}.jsonl"
    result = weir("in.jsonl", "out.jsonl", "--rejected", elsewhere)
    assert result.exit_code == 1 and "another file system" in result.stderr
    assert not list(folder.glob("out*"))


def test_an_output_that_is_a_folder_is_said_before_any_row(folder: Path, weir: Callable[..., Any]) -> None:
    write(folder / "in.jsonl", rows(20))
    (folder / "out.jsonl").mkdir()
    result = weir("in.jsonl", "out.jsonl", "--overwrite")
    assert result.exit_code == 1 and "is a folder" in result.stderr
    assert not (folder / "out.jsonl.unfinished").exists()


def test_who_comes_second_leaves_the_folder_to_the_first(folder: Path, weir: Callable[..., Any]) -> None:
    write(folder / "in.jsonl", rows(20))
    unfinished = folder / "out.jsonl.unfinished"
    unfinished.mkdir()
    with (unfinished / "lock").open("wb") as first:  # which has no progress yet
        fcntl.flock(first, fcntl.LOCK_EX)
        result = weir("in.jsonl", "out.jsonl")
        assert result.exit_code == 1 and "another run writes" in result.stderr
        assert (unfinished / "lock").exists()


def test_another_input_of_the_same_size_and_time_is_refused(
    stopped: Path, folder: Path, weir: Callable[..., Any]
) -> None:
    source = folder / "in.jsonl"
    before = source.stat()
    text = source.read_text()
    source.write_text(text.replace("free", "prof"))
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert source.stat().st_size == before.st_size
    result = weir("in.jsonl", "out.jsonl")
    assert result.exit_code == 1 and "input file was" in result.stderr


def test_a_name_that_is_not_utf_8(folder: Path, weir: Callable[..., Any]) -> None:
    source = folder / os.fsdecode(b"in\xff.jsonl")
    write(source, rows(20))
    result = weir(source, folder / os.fsdecode(b"out\xfe.jsonl"), "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["output"].endswith(r"out\xfe.jsonl")
