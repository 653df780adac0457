"""`make audit-deps` says what it knows, and says so where it knows nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@pytest.fixture
def audit(repository, tmp_path):
    def run(*words, exceptions=""):
        (tmp_path / "exceptions.txt").write_text(exceptions)
        command = [sys.executable, repository / "tools/audit_dependencies.py", *words]
        command += ["--exceptions", tmp_path / "exceptions.txt"]
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, check=False, timeout=120
        )
        return done.returncode, done.stdout

    return run


@pytest.fixture
def judged(audit, tmp_path):
    def run(dependencies, exceptions=""):
        (tmp_path / "report.json").write_text(json.dumps({"dependencies": dependencies, "fixes": []}))
        return audit("--report", tmp_path / "report.json", exceptions=exceptions)

    return run


SOUND = {"name": "sound", "version": "1.0", "vulns": []}
HOLED = {
    "name": "holed",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.1"], "description": "bad"}],
}
UNKNOWN = {"name": "unknown", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def test_a_sound_list_passes(judged):
    code, told = judged([SOUND])
    assert code == 0
    assert "1 of 1 pinned packages were asked about; 0 holes count" in told


def test_a_hole_is_told_with_the_version_that_has_none(judged):
    code, told = judged([SOUND, HOLED])
    assert code == 1
    assert "VULNERABLE holed 2.0: PYSEC-1, fixed in 2.1" in told


@pytest.mark.parametrize("name", ["PYSEC-1", "CVE-1"])
def test_an_exception_is_passed_over_until_its_day(judged, name):
    code, told = judged([HOLED], f"# why\n{name} 2999-01-01 holed: we never call it\n")
    assert code == 0
    assert "passed over until 2999-01-01" in told
    assert "we never call it" in told
    code, told = judged([HOLED], f"{name} 2001-01-01 holed: we never call it\n")
    assert code == 1
    assert "its exception ended on 2001-01-01" in told


def test_an_exception_that_nothing_needs_is_told(judged):
    code, told = judged([SOUND], "PYSEC-9 2999-01-01 gone: was mended\n")
    assert code == 0
    assert "PYSEC-9 is of no use" in told


@pytest.mark.parametrize("line", ["PYSEC-1", "PYSEC-1 2999-01-01", "PYSEC-1 soon holed: why"])
def test_an_exception_needs_its_day_and_its_reason(judged, line):
    code, told = judged([SOUND], line)
    assert code == 2
    assert "exceptions.txt:1" in told


@pytest.mark.parametrize("dependencies", [[UNKNOWN], [SOUND, UNKNOWN], []])
def test_what_could_not_be_asked_about_is_no_success(judged, dependencies):
    code, told = judged(dependencies)
    assert code == 3
    assert "NOT AUDITED" in told


def test_the_recorded_exceptions_are_sound(repository, judged, audit, tmp_path):
    recorded = (repository / "tools/audit-exceptions.txt").read_text()
    code, _ = judged([SOUND], recorded)
    assert code == 0


@pytest.fixture
def osv():
    """A server with OSV's query, which knows of a hole in jinja2 alone."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name, version = asked["package"]["name"], asked["version"]
            affected = {
                "package": {"name": name, "ecosystem": "PyPI"},
                "versions": [version],
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
            }
            hole = {"id": "PYSEC-1", "summary": "bad", "affected": [affected]}
            answer = json.dumps({"vulns": [hole]} if name == "jinja2" else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    thread.join()
    server.server_close()


def test_pip_audit_itself_asks_about_every_pinned_version(audit, osv, repository):
    pytest.importorskip("pip_audit")
    code, told = audit("--service", "osv", "--osv-url", osv)
    lines = (repository / "constraints.txt").read_text().splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    [jinja] = [line.partition("==")[2] for line in pinned if line.lower().startswith("jinja2==")]
    assert f"{len(pinned)} of {len(pinned)} pinned packages were asked about; 1 holes count" in told
    assert f"VULNERABLE jinja2 {jinja}: PYSEC-1, fixed in 99.0" in told
    assert code == 1


def test_a_service_that_is_not_there_is_no_success(audit, tmp_path):
    pytest.importorskip("pip_audit")
    (tmp_path / "pinned.txt").write_text("six==1.17.0\n")
    nobody = "http://127.0.0.1:9/v1/query"
    code, told = audit("--service", "osv", "--osv-url", nobody, "--requirements", tmp_path / "pinned.txt")
    assert code == 3
    assert "cannot be reached" in told
