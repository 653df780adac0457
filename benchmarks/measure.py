"""Wall time, CPU time and peak memory of a command and of everything it starts.

    python benchmarks/measure.py -- python -c 'print(1)'

Only the standard library: the caller stays small, because the kernel counts a caller's memory into the
high-water mark of the child that it forks. The caller becomes the parent of every process that the command
leaves behind (a fork server, for one), so that their time and memory are counted too. It must have no other
children while it measures.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from resource import struct_rusage

TICK = os.sysconf("SC_CLK_TCK")
PR_SET_CHILD_SUBREAPER = 36
PAGE_KB = os.sysconf("SC_PAGE_SIZE") / 1024


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of one command.

    Attributes:
        wall_s: from the start of the process to its end, interpreter start included.
        cpu_s: user and system time of the process and of everything that it started.
        pss_mb: highest polled sum of the proportional set sizes of all of them.
        hwm_mb: the kernel's high-water mark of resident memory of the largest of them.
        memory: ``pss``, or ``rss`` where the kernel told no PSS (shared pages then count more than once).
        load: load average over the last minute when the run began.
        foreign_cpu_s: CPU time that neither the command nor this program used while it ran.
        exit_code: as a shell would say it; negative for a signal.
    """

    wall_s: float
    cpu_s: float
    pss_mb: float
    hwm_mb: float
    memory: str
    load: float
    foreign_cpu_s: float
    exit_code: int

    @property
    def peak_mb(self) -> float:
        """The higher of the two marks: a poll can miss a short peak, the kernel's mark a second process."""
        return max(self.pss_mb, self.hwm_mb)


def _parents() -> Iterator[tuple[int, int]]:
    """Process id and parent of every process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                yield int(entry.name), int(fields[1])


def descendants() -> set[int]:
    """Everything that this process has started, at any remove."""
    table = list(_parents())
    found = {os.getpid()}
    while more := {pid for pid, parent in table if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def _memory_kb(pid: int) -> tuple[float, str]:
    """Memory of one process; zero once it has gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return float(line.split()[1]), "pss"
    with contextlib.suppress(OSError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * PAGE_KB, "rss" if pages else "pss"
    return 0.0, "pss"


class MemoryWatch(threading.Thread):
    """Polls the memory of this process's descendants until told to stop.

    Reading PSS walks the page tables of the process it asks about, so the watch sleeps twenty times as
    long as a reading took when that is longer than the interval: it may cost at most 5 % of one core.
    """

    def __init__(self, interval: float) -> None:
        super().__init__(daemon=True)
        self.peak_kb = 0.0
        self.kind = "pss"
        self._interval = interval
        self._ended = threading.Event()

    def run(self) -> None:
        """Polls."""
        pause = 0.0
        while not self._ended.wait(pause):
            began = time.perf_counter()
            readings = [_memory_kb(pid) for pid in descendants()]
            self.peak_kb = max(self.peak_kb, sum(kb for kb, _ in readings))
            if any(kind == "rss" for _, kind in readings):
                self.kind = "rss"
            pause = max(self._interval, 20 * (time.perf_counter() - began))

    def stop(self) -> None:
        """Ends the polling and waits for it."""
        self._ended.set()
        self.join()


def _busy_s() -> float:
    """CPU time that this machine has spent on anything, time stolen by its host included."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / TICK


def _end_all() -> None:
    """Ends the command and whatever it started."""
    for pid in descendants():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _collect() -> Iterator[struct_rusage]:
    """Ends what a command has left behind; gives what each of them used."""
    while True:
        _end_all()
        try:
            yield os.wait4(-1, 0)[2]
        except ChildProcessError:
            return


def run(
    command: Sequence[str | Path],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    interval: float = 0.04,
    timeout: float = 1800,
) -> Measurement:
    """Runs a command in a session of its own and measures it; its output goes to ``log``.

    Pages that earlier runs left unwritten are flushed first, so that no run pays for another's disk.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel lets nobody adopt orphans")
    list(_collect())  # what an earlier command may have left
    os.sync()
    load = os.getloadavg()[0]
    with log.open("wb") as output:
        busy, own = _busy_s(), time.process_time()
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        watch = MemoryWatch(interval)
        watch.start()
        alarm = threading.Timer(timeout, _end_all)
        alarm.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            wall = time.perf_counter() - began
            alarm.cancel()
            watch.stop()
            used = list(_collect())
        used.append(usage)
        busy, own = _busy_s() - busy, time.process_time() - own
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = sum(one.ru_utime + one.ru_stime for one in used)
    return Measurement(
        wall_s=wall,
        cpu_s=cpu,
        pss_mb=watch.peak_kb / 1024,
        hwm_mb=max(one.ru_maxrss for one in used) / 1024,
        memory=watch.kind,
        load=load,
        foreign_cpu_s=max(0.0, busy - own - cpu),
        exit_code=process.returncode,
    )


def main() -> None:
    """Measures one command and prints a JSON line for every run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path(os.devnull))
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    for _ in range(options.runs):
        print(json.dumps(asdict(run(options.command, options.log))))


if __name__ == "__main__":
    main()
