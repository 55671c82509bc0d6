"""Workers as processes of their own: started, given orders, stopped, frozen, killed, and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

import msgspec

from streams.demo.processes import spawn
from streams.kafka.errors import EXIT_FENCED
from tests.faults.worker import Order, WorkerSetup

ROOT = Path(__file__).resolve().parents[2]

POINTS = (
    "after_consume",
    "after_decide",
    "after_produce",
    "after_delivery",
    "after_offsets",
    "before_commit",
    "after_commit",
    "in_snapshot",
)


@dataclass(frozen=True, slots=True)
class Death:
    """`how` is the fail-point, or ``kill -9``; `at` in s since the epoch."""

    name: str
    how: str
    at: float


@dataclass
class Member:
    """One process. `name`: its slot, unless it is on its way out."""

    name: str
    slot: str
    log: IO[bytes]
    orders: Path
    process: subprocess.Popen[bytes]
    killed_at: float | None = None
    ends_with: int | None = None
    """The exit code that is expected of it; such a worker is not started again."""
    contested: bool = False
    """Another worker has, or had, the same slot: one of the two must end as fenced."""

    def told(self) -> bytes:
        """What this process has logged."""
        return Path(self.log.name).read_bytes()

    def bits(self) -> Iterator[dict[str, Any]]:
        for line in self.told().splitlines():
            if line.startswith(b'{"bit"'):
                yield msgspec.json.decode(line)

    def is_stopped(self) -> bool:
        """Whether it is frozen by a SIGSTOP."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rsplit(")", 1)[1].split()[0] == "T"

    def assigned(self, since: int = 0) -> bool:
        """Whether it got its partitions in both roles, after its log was `since` bytes long."""
        lines = [line for line in self.told()[since:].splitlines() if b'"assigned"' in line]
        return all(any(role in line for line in lines) for role in (b'"predict"', b'"drift"'))


@dataclass
class Fleet:
    """A context manager: at its end no worker is left. `look_after` must be called now and then."""

    environment: Mapping[str, str]
    folder: Path
    setup: WorkerSetup = field(default_factory=WorkerSetup)
    newborn: Callable[[Member], None] = lambda _member: None
    """Told of each worker that was started, to give it orders."""
    mortal: frozenset[int] = frozenset()
    """Exit codes that a fault may end a worker with; it is started again."""
    ends: Counter[int] = field(default_factory=Counter)
    """How often that was so, by exit code."""
    deaths: list[Death] = field(default_factory=list)
    fenced: int = 0
    """Workers that ended since another has their slot."""
    members: dict[str, Member] = field(default_factory=dict)
    _bits: Counter[str] = field(default_factory=Counter)
    _started: int = 0

    def start(self, slot: str) -> Member:
        self._started += 1
        base = self.folder / f"worker-{slot}-{self._started:03}"
        orders = base.with_suffix(".orders")
        orders.write_bytes(b"")
        log = base.with_suffix(".log").open("ab")
        process = spawn(  # ends with this process, however that ends
            [sys.executable, "-m", "tests.faults.worker", msgspec.json.encode(self.setup).decode(), str(orders)],
            Path(log.name),
            ROOT,
            {**os.environ, **self.environment, "WEIR_WORKER__SLOT": slot},
        )
        assert slot not in self.members, f"slot {slot} is taken; `supersede` its worker first"
        member = self.members[slot] = Member(slot, slot, log, orders, process)
        self.newborn(member)
        return member

    def supersede(self, slot: str) -> tuple[Member, Member]:
        """Another worker with the slot of one that still lives; the old one, and the new one."""
        old = self.members.pop(slot)
        old.name = f"{slot}, superseded {self._started}"
        self.members[old.name] = old
        new = self.start(slot)
        old.contested = new.contested = True
        return old, new

    def dismiss(self, slot: str, *, kill: bool) -> None:
        """End a worker for good, by SIGTERM or kill -9, without waiting for it."""
        member = self.members[slot]
        member.name = f"{slot}, dismissed {self._started}"
        member.ends_with = -signal.SIGKILL if kill else 0
        self.members[member.name] = self.members.pop(slot)
        member.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)

    def order(self, name: str, order: Order) -> None:
        with self.members[name].orders.open("ab") as file:
            file.write(msgspec.json.encode(order) + b"\n")

    def kill(self, name: str) -> float:
        """kill -9, wherever it is; when it was."""
        member = self.members[name]
        member.killed_at = time.time()
        member.process.kill()
        return member.killed_at

    def freeze(self, name: str) -> None:
        self.members[name].process.send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self.members[name].process.send_signal(signal.SIGCONT)

    def stop(self, *names: str) -> list[int]:
        """SIGTERM to these workers (to all); their exit codes."""
        chosen = [self.members.pop(name) for name in names or list(self.members)]
        for member in chosen:
            member.process.terminate()
        codes = []
        for member in chosen:
            try:
                codes.append(member.process.wait(20))
            except subprocess.TimeoutExpired:
                member.process.kill()
                codes.append(member.process.wait())
            self._bury(member)
        return codes

    def look_after(self) -> None:
        """Start again what was killed, and write down how it died. Any unexpected end is an error.

        Of two workers with one slot one ends as fenced. Mostly it is the old one; but one that was frozen for longer
        than its session may come back as the newer member, and each may win in one role: then both end.
        """
        for name, member in list(self.members.items()):
            code = member.process.poll()
            if code is None:
                continue
            too_early = code == -signal.SIGTERM and not member.told()  # before it could listen to signals
            if code == member.ends_with or (too_early and member.ends_with == 0):
                del self.members[name]
                self._bury(member)
                continue
            if code == EXIT_FENCED and member.contested:
                self.fenced += 1
                self._bury(member)
                del self.members[name]
                heirs = [other for other in self.members.values() if other.slot == member.slot]
                if heirs and name == member.slot:
                    heirs[0].name = name
                    self.members = {other.name: other for other in self.members.values()}
                elif not heirs:
                    self.start(member.slot)
                continue
            if code in self.mortal:
                self.ends[code] += 1
                self._bury(member)
                del self.members[name]
                self.start(member.slot)
                continue
            said = member.told().decode(errors="replace")[-3000:]
            assert code == -signal.SIGKILL and member.ends_with is None, f"worker {name} ended with {code}: {said}"
            last = next((bit for bit in reversed(list(member.bits())) if bit["bit"] == "kill"), None)
            if last is None:
                assert member.killed_at is not None, f"worker {name} was killed by somebody else"
                self.deaths.append(Death(name, "kill -9", member.killed_at))
            else:
                self.deaths.append(Death(name, last["point"], last["at"]))
            self._bury(member)
            del self.members[name]
            self.start(member.slot)

    def is_up(self) -> bool:
        """Whether every worker, as it runs now, was assigned its partitions in both roles."""
        return all(member.assigned() for member in self.members.values() if member.ends_with is None)

    def bits(self) -> Counter[str]:
        """What the workers said that their orders came to, by its name."""
        return self._bits + Counter(bit["bit"] for member in self.members.values() for bit in member.bits())

    def log_of(self, slot: str) -> str:
        """All that workers with this slot have logged."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob(f"worker-{slot}-*.log")))

    def said(self, *texts: str) -> str:
        """The lines of all logs that hold one of the texts, each log under its name."""
        found = ""
        for path in sorted(self.folder.glob("worker-*.log")):
            lines = [line for line in path.read_text(errors="replace").splitlines() if any(t in line for t in texts)]
            found += "\n".join(["", path.name, *lines])
        return found

    def count(self, text: bytes) -> int:
        """How often the workers have logged a text, all together."""
        return sum(path.read_bytes().count(text) for path in self.folder.glob("worker-*.log"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members.values():
            member.process.kill()
            member.process.wait()
            member.log.close()

    def _bury(self, member: Member) -> None:
        self._bits.update(bit["bit"] for bit in member.bits())
        member.log.close()
