"""One worker process of several: `python -m streams.workers.child ORDERS`, as a supervisor starts it."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

import structlog

from streams.http.ports import Listening
from streams.memory import share_one_arena
from streams.settings import load_settings
from streams.telemetry.log import configure_logging
from streams.workers.orders import Orders, read_orders

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """The exit code: as of `weir worker`."""
    orders = read_orders(sys.argv[1])
    die_with(orders.parent)
    share_one_arena()
    configure_logging(always={"worker": orders.number})
    try:
        return work(orders)
    except Exception as error:
        log = structlog.get_logger("streams.workers")
        log.exception("worker not started", why=str(error))
        return int(getattr(error, "exit_code", 1))


def work(orders: Orders) -> int:
    from streams.worker import run_worker  # noqa: PLC0415  # Faust, scikit-learn, River: threads may begin with them

    settings = load_settings(Path(orders.config) if orders.config is not None else None)
    http = None if orders.http_socket is None else socket.socket(fileno=orders.http_socket)
    listening = Listening(admin=socket.socket(fileno=orders.admin_socket), http=http)
    return run_worker(settings, orders.roles, listening=listening)


def die_with(parent: int) -> None:
    """Let the kernel kill this process when the supervisor is gone, however it went. Elsewhere than on Linux it goes on
    until another takes its slot."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it went before we asked
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(main())
