"""Requests of an admin client that only the coordinator of a group answers.

One that timed out must not meet its coordinator again. librdkafka frees the request, sends it nevertheless once the
coordinator is back, finds that it is gone and reports that to the handler of its answer: with the memory that was
freed. An assertion ends the process then (`eonce->refcnt > 0`; rd_kafka_admin_coord_request in rdkafka_admin.c,
librdkafka#4605, #5397). So the client is given no time-out to reach: wait for the futures as long as you like, inside
the `with`, whose end destroys the client before it could try again. What is unanswered by then leaks a future.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from confluent_kafka.admin import AdminClient

LONGEST_S = 3600.0
"""The longest time-out that librdkafka takes."""


@contextmanager
def describing_groups(
    client_config: Mapping[str, Any], names: Sequence[str], *, authorized_operations: bool = False
) -> Iterator[Mapping[str, Future[Any]]]:
    """A future description of each group."""
    # Left to the garbage collector it would outlive its questions: an exception of a future holds what asked it.
    with AdminClient({"log_level": 2, **client_config}) as admin:
        yield admin.describe_consumer_groups(
            [*names], request_timeout=LONGEST_S, include_authorized_operations=authorized_operations
        )


@contextmanager
def deleting_groups(client_config: Mapping[str, Any], names: Sequence[str]) -> Iterator[Mapping[str, Future[None]]]:
    """A future end of each group."""
    with AdminClient({"log_level": 2, **client_config}) as admin:
        yield admin.delete_consumer_groups([*names], request_timeout=LONGEST_S)
