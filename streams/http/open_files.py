"""How many connections the process's limit on open files has room for."""

from __future__ import annotations

import resource
from contextlib import suppress

MOST_REFUSING = 32
"""Connections beyond a cap that are being told so, at once."""

ADMIN_CONNECTIONS = 128
"""Of the admin web at most."""

OTHERS = 224
"""Files that are not of strangers: the Kafka client's connections, models, state, keys, logs."""


def room_for(connections: int, *, reserved: int) -> int:
    """So many of the connections as leave `reserved` files to the rest of the process. The soft limit is raised for
    them as far as the hard one lets it; where that is not far enough it is fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return connections
    needed = connections + MOST_REFUSING + reserved
    if soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(ValueError, OSError):  # a system may have a lower limit than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    return min(connections, max(1, soft // 4, soft - MOST_REFUSING - reserved))
