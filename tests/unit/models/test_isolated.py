"""A model in a process of its own: it hangs, raises, dies and talks, and the worker goes on."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import models.isolated
from models.errors import ModelError
from models.isolated import HOPELESS_AFTER, IsolatedPredict, Loss
from models.loaded import LoadedModel
from models.manifest import Manifest, Output, ParitySample, Task
from models.prediction import FloatMatrix, ModelDeadline, ModelProcessDied, ModelRaised
from streams.contracts import Reason
from streams.model_call import Answers, predict
from tests.faults.bare_child import answer
from tests.faults.misbehaviour import Misbehaviour
from tests.unit.models.building import number_schema
from tests.waiting import until

DEADLINE_S = 0.5
GENEROUS_S = 30.0
WAIT_S = 30.0

MANIFEST = Manifest(
    name="m",
    version="1",
    created="2026-01-01T00:00:00Z",
    schema=number_schema(3),
    output=Output(Task.BINARY, ("no", "yes")),
    parity_sample=ParitySample([[0.0, 0.0, 0.0]], [[0.5, 0.5]]),
    libraries={},
    platform="",
)


def rows_of(total: int) -> FloatMatrix:
    """Rows that carry their number as the first feature."""
    matrix = np.zeros((total, 3))
    matrix[:, 0] = np.arange(total)
    return matrix


class Isolated:
    """An isolated bare model with a fault, and what was lost over it."""

    def __init__(self, fault: str, folder: Path, deadline_s: float) -> None:
        self.folder = folder
        self.losses: list[Loss] = []
        command = (sys.executable, "-m", "tests.faults.bare_child", fault, str(folder))
        self.raw = IsolatedPredict(command, deadline_s=deadline_s, on_loss=self.losses.append)
        self.raw.start()
        self.model = LoadedModel(MANIFEST, self.raw, b"")

    def behave(self) -> None:
        (self.folder / "off").touch()

    def misbehave(self) -> None:
        (self.folder / "off").unlink()

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self.raw._children]


@pytest.fixture
def isolate(tmp_path: Path) -> Iterator[Callable[..., Isolated]]:
    made: list[Isolated] = []
    before = own_children()

    def make(fault: str, deadline_s: float = DEADLINE_S) -> Isolated:
        made.append(Isolated(fault, tmp_path, deadline_s))
        return made[-1]

    yield make
    for each in made:
        each.raw.close()
    until(lambda: own_children() <= before, "no child is left", WAIT_S)


def own_children() -> set[int]:
    """Children of this process, zombies included."""
    children: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        # A thread may end between the listing and the reading; its children are another thread's then.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            children.update(int(pid) for pid in (task / "children").read_text().split())
    return children


def is_gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] in "ZX"


def blame(answers: Answers) -> list[tuple[int, Reason, str]]:
    return [(each.row, each.reason, each.error) for each in answers.blamed]


def test_one_row_that_hangs_in_thousands_is_found_and_the_others_are_answered(isolate) -> None:
    own = isolate("hang-above:8190")
    answers = predict(own.model, rows_of(8192))
    assert blame(answers) == [(8191, Reason.MODEL_DEADLINE, "no answer within 500 ms")]
    assert answers.predictions.outputs[:, 0].tobytes() == np.ascontiguousarray(answer(rows_of(8191))[:, 1]).tobytes()
    assert len(own.losses) <= math.log2(8192) + 3


def test_the_first_row_of_a_larger_batch_is_found_before_it_is_hopeless(isolate) -> None:
    own = isolate("hang-above:-1", 0.3)
    matrix = -1.0 - rows_of(40_000)
    matrix[0, 0] = 0.0
    answers = predict(own.model, matrix)
    assert [each.row for each in answers.blamed] == [0]
    assert len(own.losses) >= HOPELESS_AFTER


def test_a_model_that_hangs_on_everything_costs_two_deadlines_a_batch_until_it_answers(
    isolate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.isolated, "HOPELESS_AFTER", 7)
    own = isolate("hang")
    first = predict(own.model, rows_of(16))
    assert [(each.row, each.reason) for each in first.blamed] == [(row, Reason.MODEL_DEADLINE) for row in range(16)]
    assert len(own.losses) == 7 + 1
    second = predict(own.model, rows_of(1000))
    assert len(second.blamed) == 1000
    assert len(own.losses) == 8 + 2
    own.behave()
    assert predict(own.model, rows_of(1000)).blamed == []
    own.misbehave()
    predict(own.model, rows_of(2))
    assert len(own.losses) > 11  # asked again for parts: an answer makes it worth while


def test_a_model_that_hangs_for_a_while_is_used_again_by_itself(isolate) -> None:
    own = isolate("hang:2")
    with pytest.raises(ModelDeadline):
        own.raw(rows_of(5))
    until(lambda: predict(own.model, rows_of(5)).blamed == [], "it answers again", WAIT_S)
    before = len(own.losses)
    assert predict(own.model, rows_of(5)).blamed == []
    assert len(own.losses) == before


def test_a_freeze_that_holds_the_interpreters_lock_ends_at_the_deadline(isolate) -> None:
    own = isolate("freeze")
    with pytest.raises(ModelDeadline):
        own.raw(rows_of(1))
    own.behave()
    assert len(own.raw(rows_of(1))) == 1


def test_a_model_that_raises_keeps_its_process(isolate) -> None:
    own = isolate("raising", GENEROUS_S)
    before = own.pids
    with pytest.raises(ModelRaised, match="no row is good enough") as caught:
        own.raw(rows_of(3))
    assert caught.value.kind == "Refused"
    assert len(predict(own.model, rows_of(100)).blamed) == 100
    assert own.pids == before and own.losses == []


@pytest.mark.parametrize("fault", ["raising", "raising-above:6", "too-few", "flat", "nan-above:6", "talking"])
def test_what_is_published_is_the_same_in_both_isolations(isolate, tmp_path: Path, fault: str) -> None:
    here = LoadedModel(MANIFEST, Misbehaviour(answer, fault, tmp_path), b"")
    in_thread, in_process = predict(here, rows_of(9)), predict(isolate(fault, GENEROUS_S).model, rows_of(9))
    assert blame(in_process) == blame(in_thread)
    assert in_process.rows == in_thread.rows
    assert in_process.predictions.values == in_thread.predictions.values
    assert in_process.predictions.outputs.tobytes() == in_thread.predictions.outputs.tobytes()


def test_an_answer_that_is_no_number_is_the_models_error(isolate) -> None:
    answers = predict(isolate("text", GENEROUS_S).model, rows_of(2))
    assert {(each.reason, each.error) for each in answers.blamed} == {
        (Reason.MODEL_ERROR, "the model raised ValueError: could not convert string to float: 'yes'")
    }


@pytest.mark.parametrize(("fault", "fate"), [("dying", "was ended by SIGKILL"), ("leaving", "ended with exit code 7")])
def test_a_process_that_ends_is_replaced_and_its_end_is_told(isolate, fault: str, fate: str) -> None:
    own = isolate(fault, GENEROUS_S)
    with pytest.raises(ModelProcessDied, match=fate):
        own.raw(rows_of(2))
    assert [(loss.cause, loss.rows, loss.in_a_row) for loss in own.losses] == [("died", 2, 1)]
    own.behave()
    assert len(own.raw(rows_of(2))) == 2


def test_a_row_that_kills_the_process_is_found(isolate) -> None:
    own = isolate("dying-above:14", GENEROUS_S)
    answers = predict(own.model, rows_of(16))
    assert blame(answers) == [(15, Reason.MODEL_ERROR, "the model's process was ended by SIGKILL")]
    assert answers.rows == list(range(15))


def test_a_model_that_kills_its_process_always_is_not_started_for_every_row(isolate) -> None:
    own = isolate("dying", GENEROUS_S)
    answers = predict(own.model, rows_of(500))
    assert len(answers.blamed) == 500 and {each.reason for each in answers.blamed} == {Reason.MODEL_ERROR}
    assert len(own.losses) == HOPELESS_AFTER + 1, "and the last row, to see whether it dies of everything"


def test_a_process_that_ended_between_two_calls_is_no_rows_fault(isolate) -> None:
    own = isolate("slow:0", GENEROUS_S)
    own.raw(rows_of(1))
    for child in own.raw._children:
        os.kill(child.pid, signal.SIGKILL)
        until(lambda child=child: child.ended, "it is dead", WAIT_S)
    assert len(own.raw(rows_of(1))) == 1
    assert [(loss.cause, loss.rows) for loss in own.losses] == [("died", 0)]


def test_a_process_that_takes_nothing_in_meets_the_deadline_too(isolate) -> None:
    own = isolate("slow:0")
    os.kill(own.pids[0], signal.SIGSTOP)
    with pytest.raises(ModelDeadline):
        own.raw(np.zeros((500_000, 3)))


def test_signals_that_stop_a_worker_do_not_end_the_call_in_flight(isolate) -> None:
    own = isolate("slow:0.5", GENEROUS_S)
    child = own.pids[0]
    answered: list[int] = []
    call = threading.Thread(target=lambda: answered.append(len(own.raw(rows_of(4)))))
    call.start()
    until((own.folder / "bitten").exists, "it was asked", WAIT_S)
    os.kill(child, signal.SIGTERM)
    os.kill(child, signal.SIGINT)
    call.join(WAIT_S)
    assert answered == [4] and own.pids == [child] and own.losses == []


def test_closing_ends_a_call_in_flight_and_no_other_is_worth_while(isolate) -> None:
    own = isolate("hang", GENEROUS_S)
    answers: list[Answers] = []
    call = threading.Thread(target=lambda: answers.append(predict(own.model, rows_of(4))))
    call.start()
    until((own.folder / "bitten").exists, "it was asked", WAIT_S)
    own.raw.close()
    call.join(WAIT_S)
    assert not call.is_alive()
    assert len(answers[0].blamed) == 4 and (own.folder / "bitten").read_bytes() == b"."
    with pytest.raises(ModelProcessDied) as caught:
        own.raw(rows_of(1))
    assert caught.value.hopeless and own.pids == []


def test_a_spare_is_kept_while_there_is_trouble_only(isolate, monkeypatch: pytest.MonkeyPatch) -> None:
    own = isolate("dying", GENEROUS_S)
    assert len(own.pids) == 1
    with pytest.raises(ModelProcessDied):
        own.raw(rows_of(1))
    spare = own.pids[1]
    with pytest.raises(ModelProcessDied):
        own.raw(rows_of(1))
    assert own.pids[0] == spare
    own.behave()
    own.raw(rows_of(1))
    assert len(own.pids) == 2
    monkeypatch.setattr(models.isolated, "SPARE_S", 0.0)
    own.raw(rows_of(1))
    assert own.pids == [spare]


def test_many_restarts_leave_no_file_no_zombie_and_no_memory(isolate) -> None:
    own = isolate("dying", GENEROUS_S)

    def lose(times: int) -> None:
        for _ in range(times):
            with pytest.raises(ModelProcessDied):
                own.raw(rows_of(100))

    def open_files() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    def resident_kb() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024

    lose(5)
    files, memory, others = open_files(), resident_kb(), own_children() - set(own.pids)
    lose(40)
    assert open_files() == files
    assert own_children() - set(own.pids) == others
    assert resident_kb() - memory < 2_000


WORKER = """
import sys, threading
from pathlib import Path
import numpy as np
from models.isolated import IsolatedPredict
raw = IsolatedPredict(
    (sys.executable, "-m", "tests.faults.bare_child", sys.argv[1], sys.argv[2]), deadline_s=600, on_loss=print
)
raw.start()
print(raw._children[0].pid, flush=True)
raw(np.zeros((1, 3)))
sys.stdin.read()
"""


@pytest.mark.parametrize("fault", ["hang", "freeze", "slow:0"])
def test_it_ends_with_its_worker(tmp_path: Path, fault: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, fault, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        child = int(worker.stdout.readline())
        until((tmp_path / "bitten").exists, "it was asked", WAIT_S)
        assert not is_gone(child)
        worker.kill()
    until(lambda: is_gone(child), "it ended", WAIT_S)


def test_what_it_prints_goes_to_the_log(isolate, capfd: pytest.CaptureFixture[str]) -> None:
    own = isolate("talking", GENEROUS_S)
    own.raw(rows_of(1))
    out, err = capfd.readouterr()
    assert out == "" and "talk talk" in err and err.count("more talk") == 2


def test_no_setting_and_so_no_password_is_in_its_environment(isolate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_KAFKA__SASL_PASSWORD", "hunter2")
    environment = Path(f"/proc/{isolate('slow:0').pids[0]}/environ").read_bytes()
    assert b"WEIR_" not in environment and b"PATH=" in environment


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import sys; sys.exit(3)", "exit code 3"),
        ("import os, sys; os.write(int(sys.argv[1]), b'x' * 100)", "no answer: a header of"),
        ("import os, sys; os.write(int(sys.argv[1]), b'\\1\\0\\0\\0x')", "no answer"),
    ],
)
def test_a_process_that_does_not_start_is_a_named_error(program: str, why: str) -> None:
    raw = IsolatedPredict((sys.executable, "-c", program), deadline_s=1, on_loss=print)
    with pytest.raises(ModelError, match=why):
        raw.start()


def test_a_restart_that_fails_is_a_failed_call_with_a_growing_pause(isolate, monkeypatch: pytest.MonkeyPatch) -> None:
    own = isolate("dying", GENEROUS_S)
    pauses: list[float | None] = []
    monkeypatch.setattr(own.raw._closed, "wait", pauses.append)
    good, own.raw._command = own.raw._command, (sys.executable, "-c", "raise SystemExit(5)")
    for _ in range(5):
        with pytest.raises(ModelProcessDied):
            own.raw(rows_of(1))
    assert [loss.cause for loss in own.losses] == ["died", *["start"] * 4]
    assert "exit code 5" in own.losses[-1].why
    own.raw._command = good
    own.behave()
    assert len(own.raw(rows_of(1))) == 1
    assert pauses == [0.1, 0.2, 0.4, 0.8]
