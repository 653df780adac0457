import json
import os
import subprocess
import sys

import pytest

from earthmarker.training import Settings


@pytest.fixture
def settings():
    """Settings of a short run; keyword arguments change them by part."""

    def make(data=None, optim=None, lora=None, **rest):
        return Settings.model_validate(
            {
                "data": {"workers": 0, "splits": ["train", "val"], **(data or {})},
                "optim": {"batch": 4, "device_batch": 2, "lr": 1e-2, "precision": "fp32", **(optim or {})},
                "lora": {"dropout": 0.0, **(lora or {})},
                "log_steps": 1,
                "save_steps": 100,
                **rest,
            }
        )

    return make


@pytest.fixture
def history():
    """Lines of a run's log."""

    def read(out):
        return [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]

    return read


@pytest.fixture
def losses(history):
    """Loss by step; the line at the end, which has no loss, is left out."""
    return lambda out: {e["step"]: e["loss"] for e in history(out) if "loss" in e}


@pytest.fixture
def together(tmp_path):
    """Run the command line in two processes with gloo.

    ``toml`` becomes the settings. With ``driver``, a Python file is run instead, with the same arguments.
    """

    def run(arguments, toml, driver=None, check=True):
        config = tmp_path / "settings.toml"
        config.write_text(toml)
        what = ["-m", "earthmarker_cli"] if driver is None else [str(driver)]
        # The launcher picks a free port: other tests may run beside this one.
        launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--rdzv-backend", "c10d"]
        done = subprocess.run(
            [sys.executable, *launcher, "--rdzv-endpoint", "localhost:0", *what,
             "train", "--config", str(config), *map(str, arguments)],
            capture_output=True, text=True, timeout=300,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        if check:
            assert done.returncode == 0, done.stderr
        return done

    return run
