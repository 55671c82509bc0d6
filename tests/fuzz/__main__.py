"""`python -m tests.fuzz`: many cases on what strangers' bytes come to first, and whether memory stays flat.

By `hypothesis`; by `mutate`, seeded changes of good and bad events; or by `atheris`, guided by coverage, where it is
installed. A case that fails is shown, and by the last two written to --folder.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.guided import run_guided
from tests.fuzz.watching import Watch, keep

Case = Callable[[bytes], None]
ROUND = 1_000


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("how", choices=("hypothesis", "mutate", "atheris"))
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--only", default="", help="targets whose name has this: event, predict, infer, host")
    parser.add_argument("--seed", type=int, default=random.getrandbits(31))
    parser.add_argument("--folder", type=Path, default=Path("fuzz-failures"))
    arguments = parser.parse_args(argv)
    print(f"{arguments.how}, seed {arguments.seed}", flush=True)
    if arguments.how == "atheris":
        return run_guided(arguments.cases, arguments.seed, arguments.only, arguments.folder)
    from tests.fuzz.targets import TARGETS  # not before: atheris has to see it imported

    targets = [target for name, target in TARGETS.items() if arguments.only in name]
    if not targets:
        parser.error(f"--only: no target's name has {arguments.only!r}; there are {', '.join(TARGETS)}")
    watch = Watch(arguments.cases)

    def case(data: bytes) -> None:
        watch.case()
        for target in targets:
            target(data)

    try:
        if arguments.how == "hypothesis":
            _drawn(case, arguments.cases, arguments.seed)
        else:
            _mutated(case, arguments.cases, arguments.seed, arguments.folder)
    except Exception:  # noqa: BLE001  # whatever it is, it is what was looked for
        traceback.print_exc()
        print(f"FAILED at case {watch.count}")
        return 1
    flat, figures = watch.verdict()
    print(figures if flat else f"{figures}, FAILED: it grows")
    return 0 if flat else 1


def _drawn(case: Case, cases: int, first: int) -> None:
    """In rounds: what Hypothesis remembers of one grows with its cases."""
    from tests.fuzz.strategies import BYTES

    for begun in range(0, cases, ROUND):
        checked = settings(
            max_examples=min(ROUND, cases - begun),
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        seed(first + begun)(checked(given(BYTES)(case)))()


def _mutated(case: Case, cases: int, first: int, folder: Path) -> None:
    from tests.fuzz.mutate import mutations

    for data in itertools.islice(mutations(random.Random(first)), cases):
        try:
            case(data)
        except Exception:
            print(f"written to {keep(folder, data)}", file=sys.stderr)
            raise


if __name__ == "__main__":
    sys.exit(main())
