"""The rows of the dashboard, from top to bottom."""

from __future__ import annotations

from dashboards.rows.drift import DRIFT
from dashboards.rows.errors import ERRORS
from dashboards.rows.http import HTTP
from dashboards.rows.labels import LABELS
from dashboards.rows.latency import LATENCY
from dashboards.rows.model import MODEL
from dashboards.rows.now import NOW
from dashboards.rows.process import PROCESS
from dashboards.rows.traffic import TRAFFIC

ROWS = (NOW, TRAFFIC, LATENCY, ERRORS, MODEL, DRIFT, HTTP, LABELS, PROCESS)
