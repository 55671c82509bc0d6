"""A worker process: claim a slot, run the app until a signal, and leave with the right exit code in time."""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

import structlog
from mode import Worker

from streams.app import WeirApp, create_app
from streams.http.ports import Listening
from streams.kafka.errors import EXIT_FENCED, Fenced
from streams.memory import giving_back, settle
from streams.settings import Settings
from streams.slot import claim_slot
from streams.watchdog import INTERVAL_S, STRIKES, Watchdog, leave_unless_called_within, leave_with_stacks

EXIT_DEADLINE_S = 10.0
"""From SIGTERM to the exit, whatever hangs."""


class Process(Worker):
    """A worker with a deadline: mode ignores a second signal and waits for services that may never stop."""

    mundane_level = "debug"

    def __init__(self, app: WeirApp, watchdog: Watchdog) -> None:
        super().__init__(app, quiet=True, override_logging=False, redirect_stdouts=False)
        self._progress, self._watchdog = app.progress, watchdog

    def _on_sigterm(self) -> None:
        self._progress.stopping()
        leave_in_time(1, self._watchdog)
        super()._on_sigterm()

    def _on_sigint(self) -> None:
        self._on_sigterm()  # without mode's note about the signal


def leave_in_time(code: int, watchdog: Watchdog) -> None:
    """Exit with `code` after the deadline, should an orderly way out not be done by then."""
    # Not a task: the event loop may be what hangs. Nor is the interpreter's end safe: it waits for a model that hangs.
    watchdog.stop()
    leave_unless_called_within(EXIT_DEADLINE_S + 1)
    deadline = threading.Timer(EXIT_DEADLINE_S, _give_up, [code])
    deadline.daemon = True
    deadline.start()


def _give_up(code: int) -> None:
    sys.stderr.write(f"weir: not stopped within {EXIT_DEADLINE_S:g} s; leaving without it\n")
    sys.stderr.flush()
    os._exit(code)


def run_worker(
    settings: Settings,
    roles: tuple[str, ...],
    reach: Callable[[str], None] = lambda _point: None,
    listening: Listening | None = None,
) -> int:
    """Run until a signal; the exit code. 70: another worker holds this slot. `listening`: in place of the settings'
    ports."""
    faulthandler.enable()  # what crashes in native code says where
    slot = claim_slot(settings.worker.slot, settings.worker.state_dir, settings.kafka.group)
    log = structlog.get_logger("streams.worker")
    app = create_app(settings, roles, slot=slot, reach=reach, listening=listening)
    with contextlib.suppress(ValueError):  # outside the main thread, where no signal comes
        signal.signal(signal.SIGTERM, _leave)  # until the event loop listens: nothing is owned before
    kafka = settings.kafka
    for note in settings.notes:
        log.warning("settings", note=note)
    log.info("worker", slot=slot.name, roles=roles, brokers=kafka.bootstrap_servers, delivery=kafka.delivery)
    settle()
    frozen_s = settings.worker.progress_deadline_ms / 1000 + STRIKES * INTERVAL_S
    watchdog = Watchdog(
        lambda: app.progress.live(time.monotonic()),
        leave_with_stacks,
        functools.partial(leave_unless_called_within, frozen_s),
    )
    process = Process(app, watchdog)
    app.on_error = lambda error: leave_in_time(code_of(error), watchdog)
    watchdog.start()
    try:
        with giving_back():
            process.execute_from_commandline()
    except SystemExit as ended:
        return exit_code(app, ended.code)
    except BaseException as error:
        if app.error is None:
            raise
        return exit_code(app, 1) if error is app.error else 1
    finally:
        watchdog.stop()
        if isinstance(app.error, Fenced):
            slot.note_fenced()
        slot.release()
    return 0


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


def exit_code(app: WeirApp, ended: object) -> int:
    """0 for a signal, the error's own code otherwise."""
    if app.error is None:
        return ended if isinstance(ended, int) else 0
    why = " · ".join(line.strip() for line in str(app.error).splitlines())
    structlog.get_logger("streams.worker").error("worker ended", why=why)
    return code_of(app.error)


def code_of(error: BaseException) -> int:
    """What the process ends with by an error of a lane or a service."""
    return EXIT_FENCED if isinstance(error, Fenced) else int(getattr(error, "exit_code", 1))
