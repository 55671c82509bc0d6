"""A certificate that is renewed while the door is open."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from pathlib import Path

from structlog.testing import capture_logs

from streams.http.certificates import LOOK_AGAIN_S, Certificate
from streams.http.door import Door
from tests.unit.http.door_kit import House
from tests.unit.http.test_door import certificate


async def shown(port: int) -> bytes:
    """The certificate that a new connection sees."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=anybody)
    seen: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return seen


def test_new_connections_see_the_renewed_certificate_and_old_ones_go_on(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    (tmp_path / "new").mkdir()
    new_cert, new_key = certificate(tmp_path / "new")
    now = 0.0
    house = House()

    async def run() -> None:
        nonlocal now
        door = Door(house.settings.http, house.routes, house.guard, house.metrics)
        port = await door.start(chosen=True, tls=Certificate(cert, key, lambda: now).context())
        try:
            trusting = ssl.create_default_context(cafile=str(cert))
            reader, writer = await asyncio.open_connection("localhost", port, ssl=trusting)
            before = await shown(port)
            shutil.copy(new_cert, cert)
            now += LOOK_AGAIN_S
            with capture_logs() as logs:
                assert await shown(port) == before, "half of a renewal is none"
            assert [each["log_level"] for each in logs] == ["warning"]
            shutil.copy(new_key, key)
            now += LOOK_AGAIN_S
            assert await shown(port) == ssl.PEM_cert_to_DER_cert(new_cert.read_text())
            cert.unlink()
            now += LOOK_AGAIN_S
            assert await shown(port) == ssl.PEM_cert_to_DER_cert(new_cert.read_text())
            writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()
        finally:
            await door.stop()

    asyncio.run(run())
