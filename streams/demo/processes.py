"""Child processes of the demo and the tests: they die with their parent and are stopped by their own id."""

from __future__ import annotations

import errno
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# Runs first in the child: asks the kernel for SIGKILL when the parent ends, then becomes the command (same pid).
# A program of its own, since `preexec_fn` may dead-lock in a parent with threads.
_GUARD = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() != parent:
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class StartError(Exception):
    """A child process did not become ready. `ended`: it gave up by itself; the message carries the end of its log."""

    def __init__(self, name: str, log: bytes, *, ended: bool) -> None:
        self.name, self.ended = name, ended
        fate = "ended before it was ready" if ended else "was not ready in time"
        super().__init__(f"{name} {fate}; {end_of(log)}")


def end_of(log: bytes) -> str:
    """The last lines of a log, for a message."""
    return "the end of its log:\n" + "\n".join(log.decode(errors="replace").splitlines()[-30:])


def spawn(
    command: Sequence[str], log: Path, cwd: Path, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start `command` (an absolute path first) with both outputs appended to `log`. `environ` None: this process's own.

    On Linux it is killed when the calling *thread* ends, so call it from one that lasts as long as the process.
    """
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _GUARD, str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environ,
            start_new_session=True,  # a Ctrl-C in the terminal is the parent's to handle
        )


def wait_for_text(
    name: str, process: subprocess.Popen[bytes], log: Path, text: bytes, start: int, deadline: float
) -> None:
    """Wait until `process`, called `name` in messages, has written `text` to its log after byte `start`.

    `deadline` is of the monotonic clock. Raises StartError.
    """
    while True:
        ended = process.poll() is not None
        with log.open("rb") as written:
            written.seek(start)
            said = written.read()
        if text in said:
            return
        if ended or time.monotonic() > deadline:
            raise StartError(name, said, ended=ended)
        time.sleep(0.02)


def stop(process: subprocess.Popen[bytes], grace_s: float = 5.0) -> None:
    """End the process, politely for `grace_s`, then for good; no error if it has ended already."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


PORTS = range(20_000, 32_000)
"""Below the range from which the system takes the clients' own ports: there a client that reconnects to a stopped
broker could get the broker's port itself."""

_given: set[int] = set()
"""A port stays free until somebody listens there, and is not to be promised to two meanwhile."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that are free now. None is given twice."""
    held: list[socket.socket] = []
    try:
        while len(held) < count:
            candidate, port = socket.socket(), random.choice(PORTS)
            try:
                if port in _given:
                    raise OSError(errno.EADDRINUSE, f"port {port} was given before")
                candidate.bind(("127.0.0.1", port))
            except OSError:
                candidate.close()
            else:
                held.append(candidate)
                _given.add(port)
        return [int(each.getsockname()[1]) for each in held]
    finally:
        for each in held:
            each.close()
