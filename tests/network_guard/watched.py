"""Run a command and write what the kernel counted of its network: `watched.py REPORT COMMAND...`.

Meant for a network namespace of its own, made with `unshare --map-root-user --net`: that has no route to
anywhere, and its counters are zero, so whatever any code sends, native code too, is counted as without a
route. (IPv4 alone: the kernel counts an address of IPv6 nowhere where there is none. Names are asked for over
whatever /etc/resolv.conf has.)
"""

import json
import subprocess
import sys
from pathlib import Path


def counters() -> dict[str, int]:
    """What was sent, and what found no route."""
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines()]
    found: dict[str, int] = {}
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        found |= {names[0] + name: int(value) for name, value in zip(names[1:], values[1:], strict=True)}
    return {name: found[name] for name in ("Ip:OutRequests", "Ip:OutNoRoutes", "Tcp:ActiveOpens")}


if __name__ == "__main__":
    before = counters()
    code = subprocess.run(sys.argv[2:], check=False).returncode
    after = counters()
    Path(sys.argv[1]).write_text(json.dumps({name: after[name] - before[name] for name in after}))
    sys.exit(code)
