"""Feed damaged releases to every source and damaged bytes to every parser, for so many seconds.

Half of the time whole releases are damaged and built, the other half each parser is run under atheris, where
it is installed. The last line says what was done; the exit code is 1 when a defect was found.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec

import kit
from hostile_client import Client
from hostile_damage import KINDS, Damage
from hostile_parsers import parsers

from rsvp_builder.demo import WRITERS

_LARGE = 3
"""Of the sources with large scenes, one of so many trials is made."""


def releases(seconds: float, seed: int, sources: Sequence[str]) -> tuple[int, int, int]:
    """Damage and build releases; trials, defects, and the largest memory of a worker in megabytes."""
    rng, end = random.Random(seed), time.monotonic() + seconds
    trials, peak = 0, 0
    met: set[tuple[str, str]] = set()
    with Client() as client:
        while time.monotonic() < end:
            source = rng.choice(sources)
            if source.startswith("DOTA") and rng.randrange(_LARGE):
                continue
            damages = [
                Damage(rng.choice(KINDS), rng.getrandbits(30), rng.getrandbits(30))
                for _ in range(rng.choice((1, 1, 1, 2, 4)))
            ]
            answer = client.ask(source, damages)
            trials += 1
            peak = max(peak, answer.get("peak_mb", 0))
            if "failed" in answer:
                place = [line for line in answer["trace"].splitlines() if "src/rsvp_builder" in line]
                key = (answer["failed"][:60], place[-1] if place else "")
                if key not in met:
                    met.add(key)
                    told = {"source": source, "damages": [vars(damage) for damage in damages], **answer}
                    _keep(f"release-{len(met)}", told)
    return trials, len(met), peak


def _keep(name: str, told: dict[str, object]) -> None:
    kit.FINDINGS.mkdir(exist_ok=True)
    path = kit.FINDINGS / f"{name}.json"
    path.write_text(json.dumps(told, indent=2) + "\n")
    print(f"DEFECT {told['failed']}; kept in {path}", flush=True)


def targets(seconds: float, seed: int, names: Sequence[str]) -> int:
    """Run each parser under atheris for its share of the time; how many showed a defect."""
    share, defects = max(1, round(seconds / len(names))), 0
    for name in names:
        options = [f"-max_total_time={share}", f"-seed={seed + 1}", "-verbosity=0", "-print_final_stats=1"]
        done = subprocess.run(
            [sys.executable, str(kit.HERE / "targets.py"), name, *options],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        runs = next((x.split()[-1] for x in done.stderr.splitlines() if "number_of_executed" in x), "?")
        print(f"{name}: {runs} inputs, {'sound' if done.returncode == 0 else 'DEFECT'}", flush=True)
        if done.returncode:
            defects += 1
            _keep(f"target-{name}", {"failed": f"target {name}", "trace": done.stderr[-6000:]})
    return defects


def main() -> int:
    """Parse the command line and run."""
    parsed = argparse.ArgumentParser(description=__doc__)
    parsed.add_argument("--seconds", type=float, default=3600, help="how long, in all")
    parsed.add_argument("--seed", type=int, default=0, help="decides the damages to releases")
    parsed.add_argument(
        "--source", action="append", choices=sorted(WRITERS), help="only this one; may be repeated"
    )
    parsed.add_argument(
        "--target", action="append", choices=sorted(parsers()), help="only this one; may be repeated"
    )
    asked = parsed.parse_args()
    under_atheris = find_spec("atheris") is not None
    if not under_atheris:
        print("atheris is not installed (pip install atheris): all of the time goes to releases", flush=True)
    both = bool(asked.source) == bool(asked.target)
    defects = trials = peak = 0
    began = time.monotonic()
    if both or asked.source or not under_atheris:
        share = asked.seconds / 2 if both and under_atheris else asked.seconds
        trials, defects, peak = releases(share, asked.seed, asked.source or sorted(WRITERS))
        print(f"{trials} damaged releases, {trials / share:.2f} a second, at most {peak} MB", flush=True)
    if under_atheris and (both or asked.target):
        left = asked.seconds - (time.monotonic() - began)
        defects += targets(left, asked.seed, asked.target or list(parsers()))
    print(f"{defects} defects in {time.monotonic() - began:.0f} s")
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main())
