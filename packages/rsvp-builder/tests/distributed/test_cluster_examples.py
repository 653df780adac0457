"""The launch examples: what can be checked of them without a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ray = pytest.importorskip("ray", reason="Ray is not installed")

EXAMPLES = Path(__file__).parents[2] / "examples/cluster"


def test_the_cluster_file_fits_the_schema_of_ray():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(ray.__file__).parent / "autoscaler/ray-schema.json").read_text())
    jsonschema.validate(yaml.safe_load((EXAMPLES / "ray-aws.yaml").read_text()), schema)


# One machine stands for all nodes: what `srun` would start there is started here, and ends with the job.
SRUN = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift 2; done
exec "$@"
"""
SCONTROL = """#!/bin/sh
echo 127.0.0.1
echo 127.0.0.1
"""
BUILD = """#!{python}
import rsvp_builder.engine.plan as plan
plan.UNIT_ITEMS = 1
from rsvp_builder.cli.app import main
if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_the_batch_script_starts_a_cluster_and_builds_on_it(raw, reference, tmp_path, digest):
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in {"srun": SRUN, "scontrol": SCONTROL, "rsvp-build": BUILD}.items():
        (commands / name).write_text(text.format(python=sys.executable) if name == "rsvp-build" else text)
        (commands / name).chmod(0o755)
    job = str(100_000 + os.getpid())
    environment = os.environ | {
        "PATH": os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "SLURM_JOB_ID": job,
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_CPUS_PER_TASK": "1",
    }
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        environment.pop(name, None)
    out = tmp_path / "out"
    command = ["bash", str(EXAMPLES / "slurm.sbatch"), "--source", "DOTA", "--root", str(raw.root)]
    command += ["--out", str(out), "--tile", "400", "--overlap", "80", "--quiet", "--json"]
    log = tmp_path / "log"
    try:
        with log.open("w") as told:  # no pipe: what the job leaves running would keep it open
            done = subprocess.run(command, env=environment, stdout=told, stderr=told, timeout=120)
    finally:
        end_job(job)
    assert done.returncode == 3, log.read_text()  # some files cannot be read
    built = digest(out)
    expected = digest(reference)
    data = {name for name in expected if name.startswith(("data/", "ledger/", ".build/"))}
    assert data
    assert {name: built[name] for name in data} == {name: expected[name] for name in data}


def end_job(job):
    """As Slurm does: end what the job has started, which bears its number, and nothing else."""
    mark = f"SLURM_JOB_ID={job}".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environ.read_bytes().split(b"\0"):
                os.kill(int(environ.parent.name), signal.SIGKILL)
        except OSError:
            continue
    time.sleep(0.1)
