"""Cases guided by coverage of our Python code, by atheris (libFuzzer).

The project does not install it: there are wheels for few machines, and no test needs it. Memory is not judged here:
atheris (3.0.0) keeps what instrumented code compares, 3 kB a case; the same cases without it leave nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fuzz.watching import Watch, keep

INSTRUMENTED = [
    "streams.coding",
    "streams.decoding",
    "streams.diagnosis",
    "streams.event_time",
    "streams.feature_rows",
    "streams.http",
    "streams.json_text",
    "streams.one_line",
    "streams.pipeline",
]


def run_guided(cases: int, seed: int, only: str, folder: Path) -> int:
    """All targets on the same bytes. libFuzzer's own lines go to stderr; it ends the process."""
    try:
        import atheris
    except ImportError:
        print("atheris is not installed: `pip install atheris` (Linux), or use `mutate`", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tests.fuzz.targets import SEEDS, TARGETS
    chosen = [target for name, target in TARGETS.items() if only in name]
    if not chosen:
        print(f"--only: no target's name has {only!r}; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(SEEDS):
        (corpus / f"seed-{number}").write_bytes(each)
    watch = Watch(cases)

    def one(data: bytes) -> None:
        watch.case()
        try:
            for target in chosen:
                target(data)
        except Exception:
            print(f"written to {keep(folder, data)}", file=sys.stderr)
            raise
        if watch.count == cases:
            print(f"{watch.count} cases, none failed", flush=True)

    limits = ["-max_len=4200", "-rss_limit_mb=0", "-verbosity=0"]
    atheris.Setup([sys.argv[0], f"-runs={cases}", f"-seed={seed}", *limits, str(corpus)], one)
    atheris.Fuzz()
    return 0
