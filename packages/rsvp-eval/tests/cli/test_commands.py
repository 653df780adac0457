"""The commands around ``score``."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

COMMANDS = ("score", "compare", "table", "tasks", "metrics", "doctor", "convert", "verify", "baseline")


def test_help_names_every_command_and_the_exit_codes(run):
    done = run("--help")
    assert done.code == 0
    for command in COMMANDS:
        assert command in done.out
    assert "Exit codes" in done.out


def test_the_command_line_starts_without_what_scores():
    heavy = ("numpy", "polars", "pydantic", "jinja2", "rapidfuzz", "PIL", "tokenizers")
    code = f"import sys, rsvp_eval.cli.app; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_brackets_in_what_is_to_be_done_are_printed(run, monkeypatch):
    monkeypatch.setattr("rsvp_eval.metrics.ss.missing", lambda: 'pip install "rsvp-eval[ss]"')
    assert 'pip install "rsvp-eval[ss]"' in run("metrics").out


@pytest.mark.slow
def test_help_takes_less_than_a_third_of_a_second():
    command = [sys.executable, "-m", "rsvp_eval", "--help"]
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True, timeout=60)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.3


def test_tasks_and_metrics_are_listed(run):
    tasks = run("tasks", "--json").json
    assert {
        "caption",
        "label",
        "aid",
        "ucmerced",
        "nwpu_captions",
        "dior_rsvg_box",
        "dior_rsvg_point",
    } <= set(tasks)
    metrics = run("metrics", "--json").json
    assert metrics["bleu"]["missing"] is None
    assert metrics["meteor"]["values"] == ["meteor"]
    assert "nwpu_captions" in run("tasks").out


def test_doctor_says_where_things_are_and_what_to_do(run, monkeypatch, tmp_path):
    monkeypatch.setenv("RSVP_METEOR_HOME", str(tmp_path))
    found = {finding["what"]: finding for finding in run("doctor", "--json").json}
    assert found["METEOR's data"]["ok"] is False
    assert str(tmp_path) in found["METEOR's data"]["where"]
    assert {"compiled kernels", "all-MiniLM-L6-v2", "Java", "SPICE and CoreNLP"} <= set(found)


def test_verify_ends_well_or_names_what_differs(run, monkeypatch, tmp_path):
    done = run("verify", "--json")
    assert done.code == 0, done.out
    from rsvp_eval import verify

    golden = json.loads(verify.GOLDEN.read_text(encoding="utf-8"))
    golden["captions"]["metrics"]["bleu_1"]["value"] += 0.1
    changed = tmp_path / "golden.json"
    changed.write_text(json.dumps(golden))
    monkeypatch.setattr(verify, "GOLDEN", changed)
    assert run("verify").code == 1


def test_a_baseline_is_scored_compared_and_tabulated(run, dataset, tmp_path):
    outs = []
    for name in ("blind", "retrieval"):
        predictions = tmp_path / f"{name}.jsonl"
        done = run("baseline", name, "--task", "dior_rsvg_box", "--data", dataset, "-o", predictions)
        assert done.code == 0, done.err
        out = tmp_path / name
        command = (
            "score",
            "dior_rsvg_box",
            "-p",
            predictions,
            "--data",
            dataset,
            "-o",
            out,
            "-m",
            "s_iou,accuracy",
        )
        assert run(*command).code == 0
        outs.append(out)
    compared = run("compare", *outs, "--json")
    assert compared.code == 0, compared.err
    assert {d["metric"] for d in compared.json["differences"]} == {"s_iou", "accuracy"}
    table = run("table", *outs, "--format", "md")
    assert table.code == 0
    assert "blind" in table.out
    assert "retrieval" in table.out
    paper = run("table", "--paper", *outs, "--format", "md")
    assert paper.code == 0, paper.err
    assert "98.37" in paper.out


def test_results_of_other_tools_become_predictions(run, tmp_path):
    coco = tmp_path / "coco.json"
    coco.write_text(json.dumps([{"image_id": 7, "caption": "a ship"}, {"image_id": 8, "caption": "two"}]))
    out = tmp_path / "p.jsonl"
    done = run("convert", coco, "-o", out)
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(line["id"], line["prediction"]) for line in lines] == [("7", "a ship"), ("8", "two")]


def test_a_folder_that_holds_no_results_is_told(run, tmp_path):
    done = run("table", tmp_path)
    assert done.code == 1
    assert str(tmp_path) in done.err
