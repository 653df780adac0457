"""A Ray cluster of two machines' worth of raylets, an S3 server on loopback, and a build to compare with."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rsvp_builder.build import build
from rsvp_builder.demo.dota import Release, write_release
from rsvp_builder.engine import plan
from rsvp_builder.settings import Settings

# Ray reads these once, when the tests import it: it tells nobody how it is used, and its clusters share a
# token that no file holds.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
}
os.environ.pop("RAY_ADDRESS", None)


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Of all builds here: scenes are cut, so that workers encode pictures too."""
    return Settings(tile=400, overlap=80)


@pytest.fixture(autouse=True)
def _as_everywhere_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Units of one image, so that there are many, and mirrors of URLs in a folder of the test."""
    monkeypatch.setattr(plan, "UNIT_ITEMS", 1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mirrors"))


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A miniature DOTA v2.0 with one of each defect; do not write into it."""
    return write_release(tmp_path_factory.mktemp("distributed") / "DOTA", with_defects=True)


def _built(raw: Release, settings: Settings, out: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "UNIT_ITEMS", 1)
        build("DOTA", raw.root, out, settings, workers=1)
    return out


@pytest.fixture(scope="session")
def reference(raw: Release, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build in one process makes of it; do not write into it."""
    return _built(raw, settings, tmp_path_factory.mktemp("reference") / "out")


@pytest.fixture(scope="session")
def plain() -> Settings:
    """Of builds that only have to be quick: pictures are copied."""
    return Settings(tile=0)


@pytest.fixture(scope="session")
def plain_reference(raw: Release, plain: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of these settings."""
    return _built(raw, plain, tmp_path_factory.mktemp("plain") / "out")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 server on loopback, which every process started from here talks to; its address."""
    pytest.importorskip("moto", reason="moto[server] is not installed")
    s3fs = pytest.importorskip("s3fs")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield f"http://{host}:{port}"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture(scope="session")
def cluster(s3_server: str) -> Iterator[Any]:
    """Two raylets with one processor each; tests that break one add another for it.

    It is started behind the S3 server, because its workers take the address from its environment.
    """
    pytest.importorskip("ray", reason="Ray is not installed")
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    # A dead machine is noticed sooner than by default, for these tests have no time.
    health = {
        "health_check_initial_delay_ms": 0,
        "health_check_period_ms": 500,
        "health_check_failure_threshold": 3,
    }
    head = {**small, "include_dashboard": False, "_system_config": health}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(**small)
    yield made
    made.shutdown()
