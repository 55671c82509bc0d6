"""Ten thousand rows from a seed, good and bad, as events and, where they are such, as cells of a table.

Mutants are good rows with a few bytes changed. Nobody knows what becomes of them; the doors must only say the same.
"""

from __future__ import annotations

from random import Random

from tests.kafka.parity.cells import MUTANT, Row, cells_of, event_of
from tests.kafka.parity.families import bad_cells, bad_values

_FAR = 1e308


def rows(count: int, seed: int, *, strict: bool) -> list[Row]:
    """`strict`: unknown features and repeated keys are refused. Half are good, the rest are of all families in turn."""
    rng = Random(seed)
    families = [*bad_cells(), *bad_values(strict=strict)]
    found: list[Row] = []
    for number in range(count):
        kind = rng.random()
        if kind < 0.55 or not found:
            found.append(_good(rng, number, found))
        elif kind < 0.65:
            found.append(Row(number, MUTANT, _mutated(rng, event_of(rng, cells_of(rng, number))), None, None))
        else:
            name, make = families[number % len(families)]
            found.append(make(rng, number, name))
    return found


def _good(rng: Random, number: int, before: list[Row]) -> Row:
    cells = cells_of(rng, number)
    family = "good"
    if rng.random() < 0.03:
        family = "the id of an earlier one"
        cells["id"] = f"r{rng.randrange(number + 1)}"
    elif rng.random() < 0.02 and before[-1].reason is None and before[-1].family != MUTANT:
        family = "the same bytes as the one before"
        return Row(number, family, before[-1].value, None, before[-1].cells)
    elif rng.random() < 0.01:
        family = "beyond what float32 holds"
        cells["balance"] = rng.choice([_FAR, -_FAR, 1e39, -3.5e38])
    return Row(number, family, event_of(rng, cells), None, cells)


def _mutated(rng: Random, event: bytes) -> bytes:
    """With up to three bytes changed, taken out, doubled or put in."""
    value = bytearray(event)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(value))
        match rng.randrange(4):
            case 0:
                value[at] = rng.choice(b'{}[]":,0123456789eE+-.tfnNIuax\\ \x00\x7f\xc3\xff')
            case 1:
                del value[at]
            case 2:
                value[at:at] = value[at : at + rng.randint(1, 8)]
            case 3:
                value[at:at] = bytes([rng.randrange(256)])
    return bytes(value)
