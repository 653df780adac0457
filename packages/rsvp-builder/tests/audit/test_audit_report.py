"""The page of leaks: what it shows, and that nothing from a data set can run in it."""

from __future__ import annotations

import re
import subprocess

import pytest
from PIL import Image

from headless_chromium import CHROMIUM, FLAGS
from rsvp_builder.audit import run_audit
from rsvp_builder.audit.report import choose, write_report

HOSTILE = '</script><img src=x onerror="document.body.dataset.owned=1">\'<svg onload=alert(1)>{{ 7*7 }}'


@pytest.fixture(scope="module")
def audit(tmp_path_factory, scenes, encode, make_row, write_data_set):
    boxes = [("ship", 10, 20, 60, 50), (HOSTILE, 100, 90, 140, 160), ("ship", 200, 200, 230, 260)]
    ours, theirs = [], []
    for name, image in scenes.items():
        ours.append(make_row("Ours/train", f"train/{name}", encode(image)))
        turned = image.transpose(Image.Transpose.TRANSPOSE)
        theirs.append(make_row("Theirs/test", f"{HOSTILE}/{name}", encode(turned, "JPEG", quality=80)))
    port = scenes["port"]
    theirs.append(make_row("Theirs/test", "test/same", encode(port)))
    theirs.append(make_row("Theirs/test", "test/part", encode(port.crop((40, 40, 280, 280))), (240, 240)))
    theirs.append(make_row("Theirs/test", "test/broken", b"broken", boxes=boxes))
    ours.append(make_row("Ours/train", "train/twin", b"broken too", boxes=boxes))
    root = tmp_path_factory.mktemp("report")
    manifests = {"Ours": {"built_on": ["DOTA"]}, "Theirs": {"built_on": [f"DOTA{HOSTILE}", "DOTA"]}}
    outs = [
        write_data_set(root / name, rows, manifests=manifests)
        for name, rows in (("ours", ours), ("theirs", theirs))
    ]
    return run_audit(outs)


def test_the_audit_has_all_kinds(audit):
    assert {pair.kind.value for pair in audit.pairs} == {"bytes", "near", "crop", "twin"}


def test_every_pair_is_shown_with_both_pictures(audit, tmp_path):
    summary = write_report(audit, tmp_path / "new" / "audit.html")
    page = summary.path.read_text(encoding="utf-8")
    assert summary.pairs_shown == summary.pairs_total == len(audit.pairs) == page.count("<article")
    assert summary.bytes == summary.path.stat().st_size
    twins = sum(pair.kind.value == "twin" for pair in audit.pairs)
    assert page.count('src="data:image/jpeg;base64,') == 2 * (len(audit.pairs) - twins)
    assert page.count("cannot be decoded") >= 2 * twins
    for text in ("mirrored at the main diagonal", "images of DOTA", "Theirs/", "part of the first"):
        assert text in page
    assert [p.name for p in summary.path.parent.iterdir()] == ["audit.html"]


def test_what_the_data_sets_say_is_only_text(audit, tmp_path):
    write_report(audit, tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page and "<svg onload" not in page and "{{ 7*7 }}" in page
    assert page.count("<script>") == page.count("</script>") == 1
    assert re.search(r"content=\"default-src 'none'; img-src data:; .*script-src 'sha256-[^' ]+'", page)
    assert not re.search(r"""(?:src|href)=["'](?!data:image/jpeg;base64,|#)""", page)


def test_same_audit_same_bytes(audit, tmp_path):
    write_report(audit, tmp_path / "a.html", limit=4)
    write_report(audit, tmp_path / "b.html", limit=4)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


@pytest.mark.parametrize("limit", [0, 1, 3, 5, 10_000])
def test_kinds_take_turns_under_a_limit(audit, limit):
    chosen = choose(audit, limit)
    assert len(chosen) == len(set(map(id, chosen))) == min(limit, len(audit.pairs))
    assert len({pair.kind for pair in chosen}) == min(limit, 4)


def test_an_audit_without_pairs_is_a_page_too(tmp_path, write_data_set):
    audit = run_audit([write_data_set(tmp_path, [], sources=["S"])])
    summary = write_report(audit, tmp_path / "a.html")
    assert "No two pictures" in summary.path.read_text(encoding="utf-8")


# ---- In a browser --------------------------------------------------------------------------------------


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium package")
@pytest.mark.parametrize(
    ("view", "shown"), [("", None), ("#kind=crop", 1), ("#kind=crop&kind=twin", 2), ("#q=nothing+of+this", 0)]
)
def test_filters_work_in_a_browser(audit, tmp_path, view, shown):
    page = write_report(audit, tmp_path / "a.html").path
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri() + view],
        capture_output=True,
        text=True,
        timeout=120,
    )
    [attributes] = re.findall(r"<body([^>]*)>", done.stdout)
    assert f'data-ready="{len(audit.pairs)}"' in attributes
    assert f'data-shown="{len(audit.pairs) if shown is None else shown}"' in attributes
    assert "data-error" not in attributes and "data-owned" not in attributes
