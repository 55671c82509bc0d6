"""One worker process: started on sockets that are open already, waited for, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from streams.workers.members import Member
from streams.workers.orders import Orders, command_of
from streams.workers.restarts import Ends


class WorkerProcess:
    """A place for one process after the other. For the event loop of the main thread: on Linux a process is killed when
    the thread ends that started it."""

    def __init__(
        self,
        number: int,
        slot: str,
        path: Path,
        roles: tuple[str, ...],
        environment: Mapping[str, str],
        *,
        config: Path | None,
        http: socket.socket | None,
    ) -> None:
        """`path`: of the Unix socket where it tells of itself. `http`: what its door listens on."""
        self.number, self.slot, self.path = number, slot, path
        self._roles, self._environment, self._http = roles, environment, http
        self._config = None if config is None else str(config)
        self._process: asyncio.subprocess.Process | None = None
        self._started_at = 0.0
        self.ends = Ends()

    async def start(self) -> None:
        """Raises OSError."""
        self._started_at = time.monotonic()
        with private_socket(self.path) as admin:
            orders = Orders(
                number=self.number,
                roles=self._roles,
                parent=os.getpid(),
                admin_socket=admin.fileno(),
                http_socket=None if self._http is None else self._http.fileno(),
                config=self._config,
            )
            self._process = await asyncio.create_subprocess_exec(
                *command_of(orders),
                stdin=asyncio.subprocess.DEVNULL,
                env=self._environment,
                pass_fds=orders.sockets,
                start_new_session=True,  # a Ctrl-C in the terminal is the supervisor's to pass on
            )

    async def ended(self) -> int:
        """Wait for its end; the exit code, negative for a signal. Then nobody answers at the path."""
        assert self._process is not None
        code = await self._process.wait()
        self._process = None
        self.path.unlink(missing_ok=True)
        return code

    def count_end(self, code: int) -> None:
        """It ended by itself."""
        self.ends = self.ends.after(code, time.monotonic() - self._started_at)

    def signal(self, number: signal.Signals) -> None:
        """To the process, if there is one."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def member(self) -> Member:
        process = self._process
        lived_s = 0.0 if process is None else time.monotonic() - self._started_at
        pid = None if process is None else process.pid
        return Member(self.number, self.slot, self.path, pid, self.ends, self.ends.hopeless(lived_s))


def private_socket(path: Path) -> socket.socket:
    """A Unix socket that listens, for this user alone. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)  # of one that was killed
    server = socket.socket(socket.AF_UNIX)
    try:
        server.bind(str(path))
        path.chmod(0o600)
        server.listen()
    except OSError:
        server.close()
        raise
    return server
