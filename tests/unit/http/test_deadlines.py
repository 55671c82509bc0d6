"""Waits that end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from streams.http.deadlines import Deadlines


async def ended(wait: Awaitable[str]) -> str:
    try:
        return await wait
    except TimeoutError:
        return "too late"


def test_each_wait_ends_with_its_answer_or_when_its_own_time_is_over() -> None:
    async def run() -> None:
        deadlines, loop = Deadlines(0.02), asyncio.get_running_loop()
        answers: list[asyncio.Future[str]] = [loop.create_future() for _ in range(3)]
        began = loop.time()
        waits = [asyncio.ensure_future(ended(deadlines.wait(each))) for each in answers[:2]]
        await asyncio.sleep(0)
        answers[0].set_result("answer")
        assert await waits[0] == "answer"
        assert await waits[1] == "too late"
        assert loop.time() - began >= 0.02
        later = asyncio.ensure_future(ended(deadlines.wait(answers[2])))
        assert await later == "too late", "the timer is set again"
        assert loop.time() - began >= 0.04
        assert not deadlines.waiting

    asyncio.run(run())


def test_what_fails_or_is_cancelled_is_no_timeout_and_is_let_go() -> None:
    async def run() -> None:
        deadlines, loop = Deadlines(60.0), asyncio.get_running_loop()
        broken: asyncio.Future[str] = loop.create_future()
        broken.set_exception(ValueError("broken"))
        with pytest.raises(ValueError, match="broken"):
            await deadlines.wait(broken)
        wait = asyncio.ensure_future(deadlines.wait(loop.create_future()))
        await asyncio.sleep(0)
        assert deadlines.waiting == 1
        wait.cancel()
        await asyncio.wait([wait])
        assert wait.cancelled()
        assert not deadlines.waiting

    asyncio.run(run())
