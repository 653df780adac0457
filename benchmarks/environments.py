"""The peers' own environments, and what is installed in an environment."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent


def environment(work: Path, name: str, requirements: str) -> Path:
    """The Python of the environment ``work/name``, made anew when its requirements file has changed."""
    folder = work / name
    python = folder / "bin" / "python"
    wanted = (HERE / requirements).read_text()
    stamp = folder / "requirements.stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"making {folder} from {requirements} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        install: list[str | Path] = [python, "-m", "pip", "install", "-qq", "-r", HERE / requirements]
        subprocess.run([*install, "--disable-pip-version-check"], check=True)
        stamp.write_text(wanted)
    return python


def versions(python: str | Path, names: Iterable[str]) -> dict[str, str]:
    """Versions of distributions as that Python sees them; those that it lacks are left out."""
    script = (
        "import importlib.metadata as m, json, platform, sys\n"
        "found = {'python': platform.python_version()}\n"
        "for name in sys.argv[1:]:\n"
        "    try: found[name] = m.version(name)\n"
        "    except m.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    answer = subprocess.run([python, "-c", script, *names], capture_output=True, text=True, check=False)
    found: dict[str, str] = json.loads(answer.stdout) if answer.returncode == 0 else {}
    return found


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"


def machine(work: Path) -> dict[str, str]:
    """What the figures were measured on."""
    memory = int(_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    cores = len(
        [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("processor")]
    )
    mounts = [line.split()[:3] for line in Path("/proc/mounts").read_text().splitlines()]
    under = [mount for mount in mounts if work.resolve().is_relative_to(mount[1])]
    return {
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": str(cores),
        "memory": f"{memory:.0f} GiB",
        "file system": max(under, key=lambda mount: len(mount[1]))[2],
        "kernel": platform.release(),
    }
