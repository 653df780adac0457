"""The captioning benchmark: our online run beside a bare AsyncOpenAI loop, against a server on this machine.

    python benchmarks/caption.py                       # 10,000 requests a side: five minutes
    python benchmarks/caption.py --requests 1000 --kills 3 --json

Server, our side and the bare loop are processes of their own; the server answers each request after a fixed
time, so concurrency over latency is what can be reached. A run on a further store is killed with SIGKILL at
random times; then the server's log says whether any attempt was sent twice. See caption_sides.py for what
each side does.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from environments import HERE, machine, versions
from figures import Figure, add_record, record
from results import FLAT_GOAL, Goal

SERVER = HERE.parent / "packages" / "rsvp-builder" / "tests" / "captioning_flow" / "honest_server.py"
SIDES = HERE / "caption_sides.py"
SHARE_GOAL = 0.90
CPU_GOAL_MS = 3.0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.5, help="seconds that the server takes to answer")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the times of the kills")
    parser.add_argument("--skip-peer", action="store_true", help="measure ours only")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the tables")
    add_record(parser)
    options = parser.parse_args()
    if min(options.requests, options.concurrency, options.kills + 1) < 1 or options.latency < 0:
        parser.error("--requests and --concurrency must be at least 1, --kills and --latency at least 0")
    return options


@contextmanager
def server(latency: float) -> Iterator[str]:
    """A server of its own; its address."""
    command = [sys.executable, SERVER, "--latency", str(latency), "--headers-only"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().split()[1]}"
    finally:
        process.stdin.close()
        process.wait()


def log(root: str) -> dict[str, Any]:
    """What the server received."""
    with urllib.request.urlopen(f"{root}/_log") as response:
        found: dict[str, Any] = json.load(response)
    return found


def start(
    side: str, root: str, store: Path, options: argparse.Namespace, requests: int
) -> subprocess.Popen[str]:
    """Starts a side."""
    command = [
        sys.executable, SIDES, side, f"{root}/v1", "--requests", str(requests),
        "--concurrency", str(options.concurrency), "--store", store,
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENAI_API_KEY": ""}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Waits for its end; its figures."""
    told, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{process.args}: exit code {process.returncode}")
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


def measure(side: str, options: argparse.Namespace, requests: int, work: Path) -> dict[str, Any]:
    """A side on so many requests, with a server of its own."""
    print(f"{side}, {requests:,} requests ...", file=sys.stderr)
    with server(options.latency) as root:
        found = finish(start(side, root, work / f"{side}-{requests}.sqlite", options, requests))
        seen = log(root)
    sent = seen["requests"]
    wrong = Counter(entry["status"] for entry in sent if entry["status"] != 200)
    if found["answers"] != requests or len(sent) != requests or wrong:
        raise SystemExit(f"{side}: {found['answers']} of {requests} answers, {len(sent)} sent, {dict(wrong)}")
    ideal = math.ceil(requests / options.concurrency) * options.latency
    return found | {
        "requests": requests,
        "per_s": requests / found["wall_s"],
        "share": ideal / found["wall_s"],
        "most_in_flight": seen["most_in_flight"],
    }


def killed(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """A run that is killed so often and then ends, and what the server saw of it."""
    print(f"{options.requests:,} requests, killed {options.kills} times ...", file=sys.stderr)
    rng = random.Random(options.seed)
    store = work / "killed.sqlite"
    expected = options.requests * options.latency / options.concurrency
    with server(options.latency) as root:
        for _ in range(options.kills):
            process = start("ours", root, store, options, options.requests)
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0, 1.6 * expected / (options.kills + 1)))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        ended = finish(start("ours", root, store, options, options.requests))
        names = Counter(entry["id"] for entry in log(root)["requests"])
    return {
        "requests": options.requests,
        "kills": options.kills,
        "sent": sum(names.values()),
        "sent_twice": sum(count > 1 for count in names.values()),
        "done": ended["counts"]["done"],
        "lost": ended["lost"],
        "other": options.requests - ended["counts"]["done"] - ended["lost"],
        "reserved_is_lost": abs(ended["reserved_usd"] - ended["lost"] * ended["worst_usd"]) < 1e-6,
    }


def goals(found: dict[str, Any]) -> list[Goal]:
    """The goals, judged."""
    ours, small, kill = found["ours"], found["ours_small"], found["killed"]
    growth = ours["peak_mb"] / small["peak_mb"]
    sound = not kill["sent_twice"] and not kill["other"] and kill["reserved_is_lost"]
    return [
        Goal.of(
            f"throughput at least {SHARE_GOAL:.0%} of concurrency over latency",
            f"{ours['share']:.1%}",
            ours["share"] >= SHARE_GOAL,
        ),
        Goal.of(
            f"client CPU under {CPU_GOAL_MS:g} ms a request",
            f"{ours['cpu_ms']:.2f} ms",
            ours["cpu_ms"] < CPU_GOAL_MS,
        ),
        Goal.of(
            f"memory of {ours['requests']:,} requests at most {FLAT_GOAL:g} of that of {small['requests']:,}",
            f"{growth:.2f}",
            growth <= FLAT_GOAL,
        ),
        Goal.of(
            f"killed {kill['kills']} times: nothing sent twice, all answered but the lost, which are counted",
            f"{kill['sent_twice']} twice, {kill['done']:,} answered, {kill['lost']:,} lost",
            sound,
        ),
    ]


def figures(found: dict[str, Any], options: argparse.Namespace) -> list[Figure]:
    """The figures of the page; the bound is the server's: so many answers at a time, each after its time."""
    ours, peer = found["ours"], found.get("peer", {})
    ideal = math.ceil(ours["requests"] / options.concurrency) * options.latency
    growth = ours["peak_mb"] / found["ours_small"]["peak_mb"]
    return [
        Figure(
            f"{ours['requests']:,} captions, {options.concurrency} at a time, {options.latency:g} s each",
            ours["wall_s"],
            peer="bare AsyncOpenAI loop",
            peer_version=f"openai {found['versions'].get('openai', '')}",
            theirs=peer.get("wall_s"),
            bound=ideal,
            bound_note="the server's answers, so many at a time",
        ),
        Figure(
            "captions: wall over the server's bound", ours["wall_s"] / ideal, "share", goal=1 / SHARE_GOAL
        ),
        Figure("captions: client CPU time a request", ours["cpu_ms"], "ms", goal=CPU_GOAL_MS),
        Figure("captions: memory, ten times the requests", growth, "share", goal=FLAT_GOAL),
    ]


def print_tables(found: dict[str, Any], judged: list[Goal]) -> None:
    """For people."""
    rows = [("rsvp-builder", "ours"), ("rsvp-builder", "ours_small"), ("bare AsyncOpenAI loop", "peer")]
    print("| side | requests | wall s | requests/s | share of ideal | CPU ms a request | peak MB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for title, name in rows:
        if name in found:
            of = found[name]
            print(
                f"| {title} | {of['requests']:,} | {of['wall_s']:.1f} | {of['per_s']:.1f} |"
                f" {of['share']:.1%} | {of['cpu_ms']:.2f} | {of['peak_mb']:.0f} |"
            )
    if "peer" in found:
        ours, bare = found["ours"], found["peer"]
        print(
            f"\nOurs beside the bare loop: {ours['per_s'] / bare['per_s']:.2f} of its throughput,"
            f" {ours['cpu_ms'] / bare['cpu_ms']:.2f} of its CPU time,"
            f" {ours['peak_mb'] / bare['peak_mb']:.2f} of its memory."
        )
    print("\n| goal | value | verdict |\n|---|---|---|")
    for goal in judged:
        print(f"| {goal.text} | {goal.value} | {goal.verdict} |")


def main() -> None:
    """Measures and prints."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="caption-") as folder:
        work = Path(folder)
        found: dict[str, Any] = {
            "ours_small": measure("ours", options, max(1, options.requests // 10), work),
            "ours": measure("ours", options, options.requests, work),
        }
        if not options.skip_peer:
            found["peer"] = measure("peer", options, options.requests, work)
        found["killed"] = killed(options, work)
        judged = goals(found)
        found |= {
            "concurrency": options.concurrency,
            "latency_s": options.latency,
            "goals": [{"text": goal.text, "value": goal.value, "verdict": goal.verdict} for goal in judged],
            "machine": machine(work),
            "versions": versions(sys.executable, ["openai", "aiohttp", "httpx2"]),
        }
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        print_tables(found, judged)
    if options.record:
        record("caption", figures(found, options))
    if any(goal.verdict != "met" for goal in judged):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
