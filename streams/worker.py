"""A worker process: claim a slot, run the app until a signal, and leave with the right exit code in time."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import structlog
from mode import Worker

from streams.app import WeirApp, create_app
from streams.kafka.errors import EXIT_FENCED, Fenced
from streams.settings import Settings
from streams.slot import claim_slot

EXIT_DEADLINE_S = 10.0
"""From SIGTERM to the exit, whatever hangs."""


class Process(Worker):
    """A worker with a deadline: mode ignores a second signal and waits for services that may never stop."""

    mundane_level = "debug"

    def _on_sigterm(self) -> None:
        self._leave_in_time()
        super()._on_sigterm()

    def _on_sigint(self) -> None:
        self._leave_in_time()
        super()._on_sigterm()  # without mode's note about the signal

    def _leave_in_time(self) -> None:
        # Not a task: the event loop may be what hangs.
        deadline = threading.Timer(EXIT_DEADLINE_S, _give_up)
        deadline.daemon = True
        deadline.start()


def _give_up() -> None:
    sys.stderr.write(f"weir: not stopped {EXIT_DEADLINE_S:g} s after the signal; leaving without it\n")
    sys.stderr.flush()
    os._exit(1)


def run_worker(settings: Settings, roles: tuple[str, ...], reach: Callable[[str], None] = lambda _point: None) -> int:
    """Run until a signal; the exit code. 70: another worker holds this slot."""
    slot = claim_slot(settings.worker.slot, settings.worker.state_dir, settings.kafka.group)
    log = structlog.get_logger("streams.worker")
    app = create_app(settings, roles, slot=slot, reach=reach)
    kafka = settings.kafka
    log.info("worker", slot=slot.name, roles=roles, brokers=kafka.bootstrap_servers, delivery=kafka.delivery)
    process = Process(app, quiet=True, override_logging=False, redirect_stdouts=False)
    try:
        process.execute_from_commandline()
    except SystemExit as ended:
        return exit_code(app, ended.code)
    except BaseException as error:
        if app.error is None:
            raise
        return exit_code(app, 1) if error is app.error else 1
    finally:
        slot.release()
    return 0


def exit_code(app: WeirApp, ended: object) -> int:
    """0 for a signal, the error's own code otherwise."""
    if app.error is None:
        return ended if isinstance(ended, int) else 0
    structlog.get_logger("streams.worker").error("worker ended", why=str(app.error))
    if isinstance(app.error, Fenced):
        return EXIT_FENCED
    return int(getattr(app.error, "exit_code", 1))
