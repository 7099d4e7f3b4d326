"""What processes and all their children cost: CPU time and memory, from /proc."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from deadline import BenchError

_PROC = Path("/proc")
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
# A process or thread may end while its files are read.
_GONE = (FileNotFoundError, ProcessLookupError)


def family(root: int) -> list[int]:
    """A process and its living descendants.

    Args:
        root: the process's id.

    Raises:
        BenchError: it is not running.
    """
    children: dict[int, list[int]] = {}
    for pid in _pids():
        with suppress(*_GONE):
            children.setdefault(int(_stat(_PROC / str(pid))[1]), []).append(pid)
    if not (_PROC / str(root)).exists():
        raise BenchError(f"process {root} is not running")
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def cpu_ns(roots: Mapping[str, int]) -> dict[str, int]:
    """CPU time that each process and its descendants have used so far, in ns.

    It is what the scheduler counted for their threads, where the kernel keeps that
    (schedstat); elsewhere user and system time, in ticks of 10 ms as a rule. A thread or child
    that has ended is no longer in the sum.

    Args:
        roots: process ids by name.
    """
    return {
        name: sum(_task_ns(task) for pid in family(root) for task in _tasks(pid))
        for name, root in roots.items()
    }


def memory_kb(roots: Mapping[str, int]) -> int:
    """Memory of the processes and their descendants, in KiB, what is shared counted once.

    User space only: the kernel's socket buffers are not in it.

    Args:
        roots: process ids by name.
    """
    return sum(_proportional_kb(pid) for root in roots.values() for pid in family(root))


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _tasks(pid: int) -> list[Path]:
    with suppress(*_GONE):
        return list((_PROC / str(pid) / "task").iterdir())
    return []


def _stat(path: Path) -> list[str]:
    # The command's name, in parentheses, may hold spaces and parentheses.
    return (path / "stat").read_text().rpartition(")")[2].split()


def _task_ns(task: Path) -> int:
    with suppress(*_GONE):
        if spent := int((task / "schedstat").read_text().split()[0]):
            return spent
    with suppress(*_GONE):
        fields = _stat(task)
        return (int(fields[11]) + int(fields[12])) * _TICK_NS
    return 0


def _proportional_kb(pid: int) -> int:
    with suppress(*_GONE):
        try:
            text = (_PROC / str(pid) / "smaps_rollup").read_text()
        except PermissionError as error:
            raise BenchError(f"the memory of process {pid} can't be read: {error}") from None
        if found := re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE):
            return int(found[1])
    return 0
