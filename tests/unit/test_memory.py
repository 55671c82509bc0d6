"""What a worker sets for its whole process."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

SETTLED = """
import gc, weakref
from streams.memory import YOUNG_OBJECTS, settle
settle()
assert gc.isenabled() and gc.get_freeze_count() > 0
class Node: pass
node = Node()
node.self, gone = node, weakref.ref(node)
del node
kept = [[] for _ in range(YOUNG_OBJECTS // 2)]
assert gone() is not None, "collected for records that live as long as a batch"
kept += [[] for _ in range(YOUNG_OBJECTS)]
assert gone() is None, "cycles are never collected"
"""

HOLES = """
import os, time
from pathlib import Path
from streams.memory import giving_back, settle
settle()
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20
before = resident()
kept = [bytes(50_000) for _ in range(2_000)]  # below what becomes a mapping of its own
full = resident()
assert full - before > 80
kept = kept[::20]  # what is left stands between the holes
assert resident() - before > 80
with giving_back(0.01):
    until = time.monotonic() + 30
    while resident() - before > 20:
        assert time.monotonic() < until, f"{before} MB before, {full} MB at most, {resident()} MB kept"
        time.sleep(0.01)
"""

ARENAS = """
import ctypes, sys
import streams.worker
from streams.cli import main

def count(settings, roles):
    c = ctypes.CDLL(None)
    c.fopen.restype = ctypes.c_void_p
    c.malloc_info.argtypes, c.fclose.argtypes = [ctypes.c_int, ctypes.c_void_p], [ctypes.c_void_p]
    told = c.fopen(file.encode(), b"w")
    c.malloc_info(0, told)
    c.fclose(told)
    return 0

streams.worker.run_worker = count
file, sys.argv = sys.argv[1], ["weir", "worker", "--role", "drift"]
main()
"""


def test_the_collector_lets_batches_pass_and_still_finds_cycles():
    subprocess.run([sys.executable, "-c", SETTLED], check=True, timeout=60)  # its own process: it is set for good


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="trimming is glibc's")
def test_holes_between_what_is_kept_go_back_to_the_system():
    subprocess.run([sys.executable, "-c", HOLES], check=True, timeout=60)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's")
def test_no_thread_has_an_arena_of_its_own_when_the_work_of_a_worker_begins(tmp_path: Path):
    told = tmp_path / "malloc.xml"
    subprocess.run([sys.executable, "-c", ARENAS, str(told)], cwd=tmp_path, check=True, timeout=60)
    assert told.read_text().count("<heap nr=") == 1  # the client that looks at the settings has threads
