"""``rsvp-eval score``: what scripts build on, and what goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from rsvp_eval.inputs.rows import read_rows

REFERENCES = (
    {"id": "a", "references": ["A ship in the harbor.", "one ship"]},
    {"id": "b", "references": ["two planes on an apron"]},
    {"id": "c", "references": ["a tennis court"]},
)
PREDICTIONS = (
    {"id": "a", "prediction": "a ship in a harbor"},
    {"id": "b", "prediction": "two planes"},
    {"id": "c", "prediction": "a bridge over a river"},
)


@pytest.fixture
def captions(jsonl):
    return jsonl("preds.jsonl", *PREDICTIONS), jsonl("refs.jsonl", *REFERENCES)


def results(out):
    return json.loads((out / "results.json").read_text())


def test_captions_are_scored_by_the_command_that_scripts_use(run, captions, tmp_path):
    predictions, references = captions
    out = tmp_path / "out"
    done = run("score", "caption", "-p", predictions, "-r", references, "-o", out, "-m", "bleu,rouge_l,cider")
    assert done.code == 0, done.err
    metrics = results(out)["metrics"]
    assert set(metrics) == {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider"}
    assert all(isinstance(metric["value"], float) for metric in metrics.values())
    assert metrics["cider"]["scale"] == 10
    assert {"results.json", "samples.jsonl", "table.md", "report.html"} <= {p.name for p in out.iterdir()}
    assert [json.loads(line)["id"] for line in (out / "samples.jsonl").read_text().splitlines()] == [
        "a",
        "b",
        "c",
    ]


def test_values_are_those_of_the_reference(run, captions, tmp_path):
    reference = pytest.importorskip("pycocoevalcap.cider.cider", reason="pycocoevalcap is not installed")
    predictions, references = captions
    out = tmp_path / "out"
    assert run("score", "caption", "-p", predictions, "-r", references, "-o", out, "-m", "cider").code == 0
    tokens = {
        "a": (["a ship in a harbor"], ["a ship in the harbor", "one ship"]),
        "b": (["two planes"], ["two planes on an apron"]),
        "c": (["a bridge over a river"], ["a tennis court"]),
    }
    value, _ = reference.Cider().compute_score(
        {k: refs for k, (_, refs) in tokens.items()}, {k: hyp for k, (hyp, _) in tokens.items()}
    )
    assert results(out)["metrics"]["cider"]["value"] == pytest.approx(value, abs=1e-9)


def test_labels_are_scored_under_the_named_protocol(run, jsonl, tmp_path):
    predictions = jsonl("p.jsonl", {"id": "1", "prediction": "airplane."}, {"id": "2", "prediction": "ship"})
    references = jsonl(
        "r.jsonl", {"id": "1", "references": ["airplane"]}, {"id": "2", "references": ["storage_tank"]}
    )
    values = {}
    for protocol in ("osprey", "sphinxv"):
        out = tmp_path / protocol
        done = run(
            "score",
            "label",
            "-p",
            predictions,
            "-r",
            references,
            "-o",
            out,
            "-m",
            "s_iou",
            "--protocol",
            protocol,
        )
        assert done.code == 0, done.err
        values[protocol] = results(out)["metrics"]["s_iou"]["value"]
        assert results(out)["task"]["protocol"] == protocol
    assert values == {"osprey": 0.5, "sphinxv": 0.0}


def test_a_data_set_answered_by_itself_is_all_right(run, dataset, jsonl, tmp_path):
    rows = read_rows(dataset, task="referring_classification_box", source="DIOR-RSVG", split="test")
    predictions = jsonl("p.jsonl", *({"id": row.id, "prediction": row.answer} for row in rows))
    out = tmp_path / "out"
    done = run(
        "score", "dior_rsvg_box", "-p", predictions, "--data", dataset, "-o", out, "-m", "s_iou,accuracy"
    )
    assert done.code == 0, done.err
    found = results(out)
    assert found["metrics"]["accuracy"]["value"] == found["metrics"]["s_iou"]["value"] == 1.0
    assert found["counts"]["missing"] == found["counts"]["unparsed"] == 0
    assert found["inputs"]["predictions"]["sha256"]
    assert "<svg" in (out / "report.html").read_text()


def test_captions_of_one_image_are_references_of_one_sample(run, dataset, jsonl, tmp_path):
    rows = read_rows(dataset, task="image_caption", source="NWPU-Captions", split="test")
    predictions = jsonl("p.jsonl", *({"id": row.id, "prediction": row.answer} for row in rows))
    out = tmp_path / "out"
    done = run("score", "nwpu_captions", "-p", predictions, "--data", dataset, "-o", out, "-m", "rouge_l")
    assert done.code == 0, done.err
    assert results(out)["n"] == len({row.image for row in rows})
    assert results(out)["metrics"]["rouge_l"]["value"] == pytest.approx(1.0)


def test_prose_is_scored_by_the_marks_it_cites_too(run, dataset, jsonl, tmp_path):
    rows = read_rows(dataset, task="grounded_caption", source="GeoChat")
    first, *rest = rows
    answers = [{"id": first.id, "prediction": "nothing cited, but <Region 99>"}]
    answers += [{"id": row.id, "prediction": row.answer} for row in rest]
    out = tmp_path / "out"
    done = run(
        "score", "grounded", "-p", jsonl("p.jsonl", *answers), "--data", dataset, "-o", out,
        "-m", "coverage,rouge_l", "--source", "GeoChat", "--split", "train",
    )  # fmt: skip
    assert done.code == 0, done.err
    found = results(out)
    assert found["metrics"]["mark_coverage"]["value"] == pytest.approx(1 - 1 / len(rows))
    assert found["counts"]["invented_marks"] == 1


def test_missing_and_unknown_ids_are_told_and_fail_a_strict_run(run, jsonl, tmp_path):
    predictions = jsonl("p.jsonl", PREDICTIONS[0], {"id": "x", "prediction": "?"})
    references = jsonl("r.jsonl", *REFERENCES)
    out = tmp_path / "out"
    done = run("score", "caption", "-p", predictions, "-r", references, "-o", out, "-m", "bleu")
    assert done.code == 0
    found = results(out)
    assert (found["counts"]["missing"], found["counts"]["unknown"]) == (2, 1)
    assert found["lists"]["missing"]["ids"] == ["b", "c"]
    assert "2 without a prediction" in done.out
    done = run("score", "caption", "-p", predictions, "-r", references, "-o", out, "-m", "bleu", "--strict")
    assert done.code == 1
    assert "2 missing: b, c" in done.err


def test_a_metric_without_its_resources_is_null_with_the_reason_and_fails_a_strict_run(
    run, captions, tmp_path, monkeypatch
):
    monkeypatch.setenv("RSVP_SPICE_HOME", str(tmp_path / "nowhere"))
    predictions, references = captions
    out = tmp_path / "out"
    command = ("score", "caption", "-p", predictions, "-r", references, "-o", out, "-m", "bleu,spice")
    assert run(*command).code == 0
    spice = results(out)["metrics"]["spice"]
    assert spice["value"] is None
    assert "RSVP_SPICE_HOME" in spice["reason"] or "nowhere" in spice["reason"]
    assert run(*command, "--strict").code == 3


def test_a_part_is_marked_and_has_no_cider_of_its_own(run, captions, tmp_path):
    predictions, references = captions
    out = tmp_path / "out"
    command = (
        "score",
        "caption",
        "-p",
        predictions,
        "-r",
        references,
        "-o",
        out,
        "-m",
        "bleu,cider",
        "--limit",
        2,
    )
    assert run(*command).code == 0
    found = results(out)
    assert found["partial"] is True
    assert found["metrics"]["cider"]["value"] is None
    assert "--idf" in found["metrics"]["cider"]["reason"]


def test_a_carriage_return_inside_a_caption_moves_nothing(run, jsonl, tmp_path):
    clean = jsonl("clean.jsonl", *PREDICTIONS)
    broken = jsonl("broken.jsonl", {"id": "a", "prediction": "a ship\rin a harbor"}, *PREDICTIONS[1:])
    references = jsonl("r.jsonl", *REFERENCES)
    for name, path in (("clean", clean), ("broken", broken)):
        assert (
            run("score", "caption", "-p", path, "-r", references, "-o", tmp_path / name, "-m", "bleu").code
            == 0
        )
    assert results(tmp_path / "broken")["metrics"] == results(tmp_path / "clean")["metrics"]
    assert results(tmp_path / "broken")["counts"]["line_breaks_cleaned"] == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"id": "a", "prediction": NaN}', "preds.jsonl:2"),
        ('{"id": "a"', "preds.jsonl:2"),
        ('{"prediction": "x"}', "preds.jsonl:2"),
        ('{"id": "a", "prediction": "other"}', "preds.jsonl:2"),
        (json.dumps({"id": "z", "prediction": "long " * 2_000_000}), "preds.jsonl:2"),
    ],
)
def test_bad_predictions_are_told_with_file_and_line(run, jsonl, tmp_path, line, told):
    path = jsonl("preds.jsonl", PREDICTIONS[0])
    path.write_text(path.read_text() + line + "\n")
    references = jsonl("refs.jsonl", *REFERENCES)
    done = run("score", "caption", "-p", path, "-r", references, "-o", tmp_path / "out", "-m", "bleu")
    assert done.code == 1
    assert told in done.err
    assert not (tmp_path / "out").exists()


def test_a_reference_without_captions_is_told(run, jsonl, tmp_path):
    references = jsonl("refs.jsonl", REFERENCES[0], {"id": "b", "references": []})
    predictions = jsonl("preds.jsonl", *PREDICTIONS)
    done = run("score", "caption", "-p", predictions, "-r", references, "-o", tmp_path / "out")
    assert done.code == 1
    assert "refs.jsonl:2" in done.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("caption", "-m", "blue"), "Did you mean bleu"),
        (("caption", "-m", "ss"), "`rsvp-eval metrics`"),
        (("captoin",), "Did you mean caption"),
        (("label", "-m", "s_iou", "--protocol", "ospry"), "osprey"),
        (("caption", "--idf", "df.json"), "file:PATH"),
    ],
)
def test_usage_is_explained(run, captions, tmp_path, arguments, told):
    predictions, references = captions
    task, *rest = arguments
    done = run("score", task, "-p", predictions, "-r", references, "-o", tmp_path / "out", *rest)
    assert done.code == 2
    assert told in done.err


def test_references_and_data_exclude_each_other(run, captions, dataset, tmp_path):
    predictions, references = captions
    done = run(
        "score", "caption", "-p", predictions, "-r", references, "--data", dataset, "-o", tmp_path / "out"
    )
    assert done.code == 2


def test_a_locale_with_decimal_commas_changes_nothing(captions, tmp_path):
    predictions, references = captions
    values = []
    for name, language in (("c", "C"), ("de", "de_DE.UTF-8")):
        environment = {**os.environ, "LC_ALL": language, "LANG": language}
        command = [sys.executable, "-m", "rsvp_eval", "score", "caption", "-p", predictions, "-r", references]
        command += ["-o", tmp_path / name, "-m", "bleu,rouge_l,cider"]
        subprocess.run(command, check=True, env=environment, capture_output=True, timeout=120)
        values.append(results(tmp_path / name)["metrics"])
    assert values[0] == values[1]
