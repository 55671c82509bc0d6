"""The audit log: one line for every action of an administrator, whatever came of it.

A logger of its own, so that a collector can keep these lines apart and for longer. A line has no credential, no body
and no value of an event.
"""

from __future__ import annotations

import structlog

LOGGER = "streams.audit"

log = structlog.get_logger(LOGGER)


def record_action(*, who: str, what: str, origin: str, result: str, **more: str | int | None) -> None:
    """`who`: the caller's identity, or a command's author; `origin`: the address, or the place in the log of commands,
    that it came from; `result`: in a word, what became of it."""
    log.info("admin action", who=who, what=what, origin=origin, result=result, **more)
