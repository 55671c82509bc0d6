"""TCP proxies before the brokers of a test cluster: what the network does to workers, on order.

Workers go through the proxies (`bootstrap_servers`), what observes them goes to the brokers themselves.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Self

from streams.demo.processes import free_ports
from tests.faults.connection import Connection, Path, Way
from tests.faults.holding import Hold

BOTH: frozenset[Way] = frozenset({"up", "down"})


class Proxies:
    """One a broker. Give `properties` to the cluster as its `configure`. A context manager, around the cluster's."""

    def __init__(self, brokers: int) -> None:
        ports = free_ports(3 * brokers)
        self._ports, self._behind, self._controllers = (ports[n::3] for n in range(3))
        self.paths = [Path() for _ in range(brokers)]
        self._connections: dict[Connection, int] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self._ports)

    def properties(self, node: int, port: int) -> Mapping[str, object]:
        """Server properties: a second listener, whose clients are told the proxies' addresses."""
        broker = node - 1
        controllers = ",".join(f"{n}@127.0.0.1:{port}" for n, port in enumerate(self._controllers, 1))
        return {
            "listeners": f"PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{self._behind[broker]},"
            f"CONTROLLER://127.0.0.1:{self._controllers[broker]}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{self._ports[broker]}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.quorum.voters": controllers,
        }

    def hold(self, *keys: int, times: int = 1, naming: bytes = b"") -> Hold:
        """Hold the next `times` requests with one of these API keys, at whichever broker they come."""
        hold = Hold(frozenset(keys), times, naming)
        for path in self.paths:
            path.holds.append(hold)
        return hold

    def clear(self) -> None:
        """A network without trouble again; what is held is delivered."""
        for path in self.paths:
            path.latency_s, path.bytes_per_s, path.hole = 0.0, None, frozenset()
            for hold in path.holds:
                hold.release()
            path.holds.clear()

    def reset(self, brokers: Iterable[int] | None = None) -> int:
        """RST to every client of these brokers (of all); how many there were."""
        chosen = set(range(len(self.paths)) if brokers is None else brokers)

        async def reset() -> int:
            doomed = [connection for connection, broker in self._connections.items() if broker in chosen]
            for connection in doomed:
                connection.reset()
            return len(doomed)

        return asyncio.run_coroutine_threadsafe(reset(), self._loop).result(10)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self._carrying: set[asyncio.Task[None]] = set()
        self._servers = [
            await asyncio.start_server(self._accept(broker), "127.0.0.1", port, limit=1 << 20)
            for broker, port in enumerate(self._ports)
        ]

    def _accept(self, broker: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = Connection(self.paths[broker], (reader, writer))
            task = asyncio.current_task()
            assert task is not None
            self._carrying.add(task)
            self._connections[connection] = broker
            try:
                await connection.run(self._behind[broker])
            except asyncio.CancelledError:
                pass  # the proxies are closing
            finally:
                del self._connections[connection]
                self._carrying.discard(task)

        return carry

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._carrying):
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)
