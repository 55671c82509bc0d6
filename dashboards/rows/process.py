"""The processes themselves."""

from __future__ import annotations

from dashboards.panel import Graph, Query, Row

PROCESS = Row(
    "Process",
    (
        Graph(
            "Memory",
            "bytes",
            "Resident, of each process.",
            (Query("process_resident_memory_bytes{<workers>} and on (instance) weir_build_info", "{{instance}}"),),
        ),
        Graph(
            "Processor",
            "percentunit",
            "1 is a whole core.",
            (
                Query(
                    "rate(process_cpu_seconds_total{<workers>}[$__rate_interval]) and on (instance) weir_build_info",
                    "{{instance}}",
                ),
            ),
        ),
        Graph(
            "Open files",
            "short",
            "Sockets among them.",
            (Query("process_open_fds{<workers>} and on (instance) weir_build_info", "{{instance}}"),),
        ),
        Graph(
            "Ready",
            "short",
            "1 while a worker can answer. A gap: it was not scraped.",
            (Query("weir_ready{<workers>}", "{{instance}}"),),
            "worker.md#it-waits",
        ),
        Graph(
            "Builds",
            "short",
            "Workers by version of Weir and Python.",
            (Query("count by (version, python) (weir_build_info{<workers>})", "{{version}}, Python {{python}}"),),
        ),
        Graph(
            "Figures dropped",
            "short",
            "Within 15 minutes. The page does not see these workers; answers do not depend on it.",
            (Query("sum by (instance) (increase(weir_figures_dropped_total{<workers>}[15m]))", "{{instance}}"),),
            "worker.md#what-is-told-gets-lost",
        ),
    ),
)
