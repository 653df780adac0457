"""Ask whether any pinned version has a known vulnerability: `make audit-deps`.

pip-audit asks the index about every line of constraints.txt. Of itself it says "no known vulnerabilities" and
exits 0 also where the index knew none of the packages; here, what could not be asked about is a failure of
its own. A vulnerability that does not concern us is written into audit-exceptions.txt, with the reason and a
date after which it counts again:

    GHSA-xxxx-xxxx-xxxx  2027-03-01  torch: only with torch.load of strangers' files, which we never call

Exit codes: 0 all asked about, nothing found; 1 found something; 2 an exception is malformed; 3 not all could
be asked about.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
EXCEPTIONS = Path(__file__).with_name("audit-exceptions.txt")


@dataclass(frozen=True)
class Exempt:
    """A vulnerability that does not concern us.

    Attributes:
        until: last day on which it is passed over.
        reason: package, and why.
    """

    until: datetime.date
    reason: str


def exceptions(path: Path) -> dict[str, Exempt]:
    """The recorded exceptions, by id.

    Raises:
        SystemExit: a line is not of the form ``ID DATE REASON``.
    """
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        fields = text.split(maxsplit=2)
        try:
            name, until, reason = fields[0], datetime.date.fromisoformat(fields[1]), fields[2]
        except (IndexError, ValueError):
            say(f"{path}:{number}: read {text!r}, expected ID YYYY-MM-DD and the reason")
            raise SystemExit(2) from None
        found[name] = Exempt(until, reason)
    return found


def report(requirements: Path, service: list[str]) -> dict[str, Any] | None:
    """What pip-audit says, or None where the service cannot be reached."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip",
        "--progress-spinner", "off", "--format", "json", *service,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        say(done.stderr.strip().rpartition("\n")[2])
        return None
    return found


def judge(found: Mapping[str, Any], exempt: Mapping[str, Exempt], today: datetime.date) -> int:
    """Say what was found; the exit code."""
    asked = [one for one in found["dependencies"] if "skip_reason" not in one]
    skipped = [one["name"] for one in found["dependencies"] if "skip_reason" in one]
    used: set[str] = set()
    counted = 0
    for package in asked:
        for hole in package["vulns"]:
            names = {hole["id"], *hole.get("aliases", [])}
            known = next((name for name in sorted(names & exempt.keys())), None)
            what = f"{package['name']} {package['version']}: {hole['id']}"
            if known is not None and exempt[known].until >= today:
                used.add(known)
                say(f"passed over until {exempt[known].until}: {what}: {exempt[known].reason}")
                continue
            fixed = ", ".join(hole.get("fix_versions", [])) or "no version"
            ended = "" if known is None else f"; its exception ended on {exempt[known].until}"
            say(f"VULNERABLE {what}, fixed in {fixed}{ended}")
            counted += 1
    for name in sorted(exempt.keys() - used):
        say(f"the exception {name} is of no use any more, or has ended: remove it")
    say(
        f"{len(asked)} of {len(found['dependencies'])} pinned packages were asked about; "
        f"{counted} holes count"
    )
    if counted:
        return 1
    if skipped or not asked:
        few = ", ".join(skipped[:5]) + (", ..." if len(skipped) > 5 else "")
        say(
            f"NOT AUDITED: the index has no record of {len(skipped)} packages ({few}). A mirror may serve "
            "files alone. Run this where pypi.org or api.osv.dev can be reached, or pass --service osv."
        )
        return 3
    return 0


def say(text: str) -> None:
    """A line on the standard output."""
    sys.stdout.write(f"{text}\n")


def main() -> None:
    """Audit and exit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requirements", type=Path, default=REPOSITORY / "constraints.txt")
    parser.add_argument("--exceptions", type=Path, default=EXCEPTIONS)
    parser.add_argument("--service", choices=("pypi", "osv"), default="pypi")
    parser.add_argument("--osv-url", help="of another OSV server")
    parser.add_argument("--report", type=Path, help="judge this JSON of pip-audit instead of asking")
    options = parser.parse_args()
    exempt = exceptions(options.exceptions)
    service = ["--vulnerability-service", options.service]
    if options.osv_url:
        service += ["--osv-url", options.osv_url]
    if options.report:
        found = json.loads(options.report.read_text())
    else:
        found = report(options.requirements, service)
    if found is None:
        say("NOT AUDITED: the vulnerability service cannot be reached from here; nothing is known.")
        raise SystemExit(3)
    raise SystemExit(judge(found, exempt, datetime.datetime.now(tz=datetime.UTC).date()))


if __name__ == "__main__":
    main()
