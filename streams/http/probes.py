"""What both webs of a worker serve alike: probes and metrics."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from streams.telemetry.progress import Verdict


def probe(verdict: Verdict) -> web.Response:
    """200 or 503, and the reason."""
    return web.Response(status=200 if verdict.ok else 503, text=f"{verdict.reason}\n")


def metrics(request: web.BaseRequest, registry: CollectorRegistry) -> web.Response:
    """Prometheus' text format, or OpenMetrics when asked."""
    encode, content_type = encoder_for(request.headers.get("Accept", ""))
    return web.Response(body=encode(registry), headers={"Content-Type": content_type})


def encoder_for(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """What writes metrics as a caller accepts them, and the content type."""
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is no number
        return choose_encoder("")
