"""How long honest callers of the door wait while others keep connections open, byte by byte, and flood it in vain.

    .venv/bin/python -m benchmarks.http_abuse [--slow 200] [--flood 4] [--seconds 5] [--runs 3]

Honest callers: four connections, each 25 requests a second, with a key. Then, from another process: `slow`
connections that send a head a byte a second, and `flood` connections that ask without a key as fast as they are
refused.
Quiet and abused rounds take turns. The promise: honest p99 under twice that of quiet rounds, and every one answered.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import multiprocessing.synchronize
import sys
import tempfile
import time
from pathlib import Path
from subprocess import Popen
from typing import Any

import msgspec
import numpy as np

from benchmarks import workload
from benchmarks.machine import machine
from streams.demo.processes import free_ports, spawn, stop
from streams.http.keys import Scope, new_key

START_S = 60.0
HONEST = 4
EVERY_S = 0.04
HEAD = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--slow", type=int, default=200)
    parser.add_argument("--flood", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(machine())
    key, record = new_key("honest", (Scope.PREDICT,))
    rounds: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "keys").write_bytes(msgspec.json.encode(record))
        process, port = _door(folder)
        try:
            asyncio.run(_ready(port, key, process))
            for _ in range(options.runs):
                for abused in (False, True):
                    p99_ms, flooded = _round(port, key, options, abused=abused)
                    rounds[abused].append(p99_ms)
                    print(
                        f"{'abused' if abused else 'quiet':7} p99 {p99_ms:7.2f} ms   refused {flooded:,.0f}/s",
                        flush=True,
                    )
        finally:
            stop(process)
    quiet, abused_ms = (float(np.median(rounds[abused])) for abused in (False, True))
    print(f"median p99: quiet {quiet:.2f} ms, abused {abused_ms:.2f} ms: {abused_ms / quiet:.2f} times")
    sys.exit(0 if abused_ms < 2 * quiet else 1)


def _door(folder: Path) -> tuple[Popen[bytes], int]:
    workload.publish_model(folder / "registry")
    port, admin = free_ports(2)
    environ = {
        "WEIR_MODEL__REGISTRY": str(folder / "registry"),
        "WEIR_MODEL__VERSION": "1",  # pinned: no Kafka is asked
        "WEIR_HTTP__PORT": str(port),
        "WEIR_HTTP__KEYS_FILE": str(folder / "keys"),
        "WEIR_ADMIN__PORT": str(admin),
        "PYTHONPATH": str(Path.cwd()),
    }
    command = [sys.executable, "-c", "from streams.cli import main; main()", "worker", "--role", "http"]
    return spawn(command, folder / "door.log", folder, environ), port


async def _ready(port: int, key: str, process: Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, EOFError, RuntimeError):
            await _honest(port, key, time.perf_counter() + 0.05, [])
            return
        await asyncio.sleep(0.2)
    raise RuntimeError(f"nothing answers at port {port}")


def _round(port: int, key: str, options: argparse.Namespace, *, abused: bool) -> tuple[float, float]:
    """The honest callers' p99, and how many a second were refused meanwhile."""
    ended, refused = multiprocessing.Event(), multiprocessing.Value("Q")
    arguments = (port, options.slow, options.flood, ended, refused)
    abuser = multiprocessing.Process(target=_abuse, args=arguments) if abused else None
    if abuser is not None:
        abuser.start()
        time.sleep(1.0)  # until all of them are connected
    took: list[float] = []

    async def ask() -> None:
        end = time.perf_counter() + options.seconds
        await asyncio.gather(*(_honest(port, key, end, took) for _ in range(HONEST)))

    before = refused.value
    asyncio.run(ask())
    flooded = (refused.value - before) / options.seconds
    if abuser is not None:
        ended.set()
        abuser.join()
    return float(np.percentile(took, 99)) * 1000, flooded


async def _honest(port: int, key: str, end: float, took: list[float]) -> None:
    """Raises RuntimeError for whoever is not answered."""
    body = msgspec.json.encode({"input": [0.5] * len(workload.FEATURES)})
    head = f"{HEAD}Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (began := time.perf_counter()) < end:
        writer.write(head.encode() + body)
        status = await _status(reader)
        if status != 200:
            raise RuntimeError(f"an honest caller got {status}")
        took.append(time.perf_counter() - began)
        await asyncio.sleep(EVERY_S)
    writer.close()


async def _status(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
    return int(head.split(b" ", 2)[1])


def _abuse(port: int, slow: int, flood: int, ended: multiprocessing.synchronize.Event, refused: Any) -> None:
    asyncio.run(_all(port, slow, flood, ended, refused))


async def _all(port: int, slow: int, flood: int, ended: multiprocessing.synchronize.Event, refused: Any) -> None:
    tasks = [asyncio.create_task(_creep(port)) for _ in range(slow)]
    tasks += [asyncio.create_task(_flood(port, refused)) for _ in range(flood)]
    await asyncio.to_thread(ended.wait)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _creep(port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            for byte in HEAD.encode():
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1.0)


async def _flood(port: int, refused: Any) -> None:
    request = f"{HEAD}Content-Length: 2\r\n\r\n{{}}".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        writer.write(request)
        if await _status(reader) == 401:
            refused.value += 1


if __name__ == "__main__":
    main()
