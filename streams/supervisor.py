"""`weir worker --workers N`: N worker processes, kept running, asked through one admin port, stopped together."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from streams.http.admin import AdminWeb
from streams.http.admission import admin_guard, identify_by
from streams.http.ports import listen
from streams.http.workers_web import WorkersWeb
from streams.page.figures import Figures
from streams.page_web import PageWeb
from streams.settings import Settings, variable_of
from streams.slot import Slot, claim_slot
from streams.workers.members import Member
from streams.workers.plan import check_plan, slot_of, socket_of
from streams.workers.process import WorkerProcess
from streams.workers.restarts import FOR_GOOD

STOP_S = 12.0
"""From SIGTERM until what is left is killed. A worker leaves within 11 s."""

log = structlog.get_logger("streams.supervisor")


def run_workers(settings: Settings, roles: tuple[str, ...], workers: int, config: Path | None) -> int:
    """Run so many until a signal; the exit code: 0 when all ended in order. Raises SettingsError, PortTaken."""
    base = claim_slot(settings.worker.slot, settings.worker.state_dir, settings.kafka.group)
    check_plan(settings, base.name, workers)
    for note in settings.notes:
        log.warning("settings", note=note)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers > cores:
        log.warning("more workers than cores", workers=workers, cores=cores)
    http = None
    if "http" in roles:  # one socket for all: who is free takes the next connection, and none is lost with a worker
        door = settings.http
        http = listen(door.host, door.port, chosen=settings.is_set("http.port"), key="http.port")
    try:
        return asyncio.run(Supervisor(settings, roles, base, workers, config, http).run())
    finally:
        if http is not None:
            http.close()
        base.release()


class Supervisor:
    """Lives on one event loop, of the main thread."""

    def __init__(
        self,
        settings: Settings,
        roles: tuple[str, ...],
        base: Slot,
        workers: int,
        config: Path | None,
        http: socket.socket | None,
    ) -> None:
        self._settings, self._roles, self._base, self._http = settings, roles, base, http
        state_dir, group = settings.worker.state_dir, settings.kafka.group
        slots = [slot_of(base.name, number) for number in range(workers)]
        self._workers = [
            WorkerProcess(
                number,
                slot,
                socket_of(state_dir, group, slot),
                roles,
                {**os.environ, variable_of("worker.slot"): slot},
                config=config,
                http=http,
            )
            for number, slot in enumerate(slots)
        ]
        self._ending = asyncio.Event()
        self._code = 0
        started_ms, process = time.time_ns() // 1_000_000, secrets.token_hex(8)
        why = "a supervisor; its workers tell of themselves in the topic of figures"
        self._own = Figures(process, base.name, base.host, started_ms, roles, live=True, why=why)
        self._page = PageWeb(settings, lambda: (self._own, time.time_ns() // 1_000_000))

    async def run(self) -> int:
        """The exit code. Raises PortTaken, SettingsError before anything is started."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        web = await self._open_web()
        keepers = [asyncio.create_task(self._keep(worker)) for worker in self._workers]
        try:
            ending = asyncio.create_task(self._ending.wait())
            await asyncio.wait([ending, *keepers], return_when=asyncio.FIRST_COMPLETED)
            await self._stop(keepers)
            ending.cancel()
            for keeper in keepers:
                keeper.result()
        finally:
            self._kill()
            await self._page.close()
            await web.stop()
        log.info("workers ended", code=self._code)
        return self._code

    async def _open_web(self) -> AdminWeb:
        settings, admin = self._settings, self._settings.admin
        status = {"group": settings.kafka.group, "slot": self._base.name, "roles": list(self._roles)}
        workers = WorkersWeb(self._members, self._ending.is_set, status)
        web = AdminWeb([*workers.routes(), *self._page.routes()], admin_guard(settings, identify_by(settings)))
        port = await web.start(admin.host, admin.port, chosen=settings.is_set("admin.port"))
        url = f"http://{admin.host}:{port}"
        log.info("workers", slots=[each.slot for each in self._workers], roles=self._roles, admin=url)
        return web

    def _members(self) -> Sequence[Member]:
        return [worker.member() for worker in self._workers]

    async def _keep(self, worker: WorkerProcess) -> None:
        """Start a process, and another each time that it ends, until all are to end."""
        while not self._ending.is_set():
            code = await self._run_once(worker)
            if self._ending.is_set():
                # One that had not begun to listen to signals dies of them, and has nothing in flight.
                if code not in (0, -signal.SIGTERM) and self._code == 0:
                    self._code = 1
                return
            worker.count_end(code)
            pause_s = worker.ends.pause_s
            log.error(
                "worker ended", worker=worker.number, slot=worker.slot, code=code, in_a_row=worker.ends.in_a_row,
                again_in_s=pause_s,
            )  # fmt: skip
            self._give_up_if_there_is_no_hope(code)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause_s)

    async def _run_once(self, worker: WorkerProcess) -> int:
        """The exit code."""
        try:
            await worker.start()
        except OSError as error:  # no memory, no process, no room on the disk: there may be later
            log.exception("worker not started", worker=worker.number, why=str(error))
            return 1
        if self._ending.is_set():
            worker.signal(signal.SIGTERM)
        return await worker.ended()

    def _give_up_if_there_is_no_hope(self, code: int) -> None:
        if code in FOR_GOOD:
            log.critical("stopping", why=FOR_GOOD[code], code=code)
            self._end(code)
        elif all(member.hopeless for member in self._members()):
            log.critical("stopping", why="every worker ends again and again; their log says why", last_code=code)
            self._end(1)

    def _signalled(self) -> None:
        if self._ending.is_set():
            log.warning("told again to stop: what still runs is killed")
            self._kill()
        self._end(0)

    def _end(self, code: int) -> None:
        if not self._ending.is_set():
            self._code = code
            self._ending.set()

    async def _stop(self, keepers: Sequence[asyncio.Task[None]]) -> None:
        if not self._ending.is_set():  # a keeper failed
            self._end(1)
        if self._http is not None:
            self._http.close()
        for worker in self._workers:
            worker.signal(signal.SIGTERM)
        _, left = await asyncio.wait(keepers, timeout=STOP_S)
        if left:
            log.error("workers not stopped in time are killed", seconds=STOP_S)
            self._kill()
            await asyncio.wait(left)

    def _kill(self) -> None:
        for worker in self._workers:
            worker.signal(signal.SIGKILL)
