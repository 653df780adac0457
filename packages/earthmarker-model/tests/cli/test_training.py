"""The way of a model on the command line: init, cache, train, merge, predict."""

import json
import shutil

import pytest


def test_the_whole_way(run, dataset, config, tmp_path):
    made = run("init", "tiny", "--out", tmp_path / "m0")
    assert (made.code, made.err) == (0, "")
    assert "tiny: 141,280 parameters in float32" in made.out

    cached = run(
        "cache", "--data", dataset, "--model", tmp_path / "m0", "--out", tmp_path / "cache", "--json"
    )
    assert json.loads(cached.out)["rows"] == 46

    common = ["--data", dataset, "--config", config]
    done = run("train", "--phase", "align", *common, "--model", tmp_path / "m0", "--out", tmp_path / "p1")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("2 steps, mean loss ")
    assert "3,408 parameters learned, " in done.out and " frozen tensors found unchanged" in done.out
    done = run(
        "train", "--phase", "rsvp", *common, "--model", tmp_path / "p1/model", "--out", tmp_path / "p3",
        "--cache", tmp_path / "cache", "--json",
    )  # fmt: skip
    told = json.loads(done.out)
    assert told.keys() == {"model", "steps", "loss", "trained", "frozen"}
    assert (told["model"], told["steps"], told["trained"]) == (str(tmp_path / "p3/model"), 2, 10_752)

    merged = run("merge", tmp_path / "p3/model", "--out", tmp_path / "whole")
    assert merged.code == 0

    def predicted(model, *more):
        out = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
        done = run(
            "predict", "--data", dataset, "--model", model, "--out", out, "--split", "test",
            "--source", "UCM-Captions", "--task", "image_caption", "--max-new-tokens", 5, *more,
        )  # fmt: skip
        assert done.code == 0, done.err
        return done, [json.loads(line) for line in out.read_text().splitlines()]

    done, lines = predicted(tmp_path / "whole")
    assert "4 answers to" in done.out
    assert len(lines) == 4
    _, adapted = predicted(tmp_path / "p3/model", "--batch", 1)
    assert [line["prediction"] for line in adapted] == [line["prediction"] for line in lines]
    _, again = predicted(tmp_path / "whole", "--cache", tmp_path / "cache")
    assert len(again) == 4


def test_resume_goes_on(run, dataset, config, tmp_path, tiny_folder):
    config.write_text("save_steps = 1\n" + config.read_text())
    arguments = ["train", "--phase", "align", "--data", dataset, "--config", config, "--model", tiny_folder]
    assert run(*arguments, "--out", tmp_path / "run").code == 0
    again = run(*arguments, "--out", tmp_path / "run")
    assert again.code == 1
    assert "go on with it (--resume)" in again.err
    done = run(*arguments, "--out", tmp_path / "run", "--resume", "--json")
    assert json.loads(done.out)["loss"] is None  # nothing was left to do


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--data": "nowhere"}, "nowhere: not a finished data set"),
        ({"--model": "nowhere"}, "nowhere: no processor with a tokenizer there"),
        ({"--model": "preset:nothing"}, "unknown preset 'nothing'"),
        ({"--config": "nowhere.toml"}, "nowhere.toml"),
        ({"--cache": "nowhere"}, "nowhere: no feature cache there"),
    ],
    ids=str,
)
def test_bad_input(run, dataset, config, tmp_path, tiny_folder, change, message):
    given = {
        "--phase": "align",
        "--data": dataset,
        "--model": tiny_folder,
        "--config": config,
        "--out": tmp_path / "o",
    }
    done = run("train", *(part for pair in {**given, **change}.items() for part in pair))
    assert (done.code, done.out) == (1, "")
    assert message in done.err
    assert done.err.startswith("error: ")


def test_several_folders(run, dataset, config, tmp_path, tiny_folder):
    copy = tmp_path / "copy"
    shutil.copytree(dataset, copy)
    done = run(
        "train", "--phase", "align", "--data", dataset, "--data", copy, "--config", config,
        "--model", tiny_folder, "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.code == 1
    assert "leave one of the data sets out" in done.err


def test_merge_wants_an_adapter(run, tiny_folder, tmp_path):
    done = run("merge", tiny_folder, "--out", tmp_path)
    assert done.code == 1
    assert "no adapter there" in done.err


def test_init_in_half_precision(run, tmp_path):
    import torch

    from earthmarker.training.store import load

    done = run("init", "tiny", "--out", tmp_path / "half", "--dtype", "bfloat16", "--random", "--seed", 3)
    assert "in bfloat16" in done.out
    model, _ = load(tmp_path / "half")
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}


def test_init_of_what_is_not_there(run, tmp_path):
    done = run("init", "huge", "--out", tmp_path)
    assert done.code == 1
    assert "unknown preset 'huge'" in done.err
    done = run("init", "tiny", "--out", tmp_path, "--text", tmp_path / "none")
    assert done.code == 1


def test_convert_wants_a_checkpoint(run, tmp_path):
    done = run("convert", tmp_path, "--out", tmp_path / "out", "--preset", "none")
    assert done.code == 1
    assert "unknown preset 'none'" in done.err
    done = run("convert", tmp_path, "--out", tmp_path / "out")
    assert done.code == 1
    assert str(tmp_path) in done.err


def test_the_page_without_gradio(run, monkeypatch):
    import builtins
    import sys

    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == "gradio":
            raise ModuleNotFoundError("No module named 'gradio'", name="gradio")
        return real(name, *args, **kwargs)

    for name in [n for n in sys.modules if n.split(".")[0] == "gradio" or n.startswith("earthmarker.ui")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    done = run("ui", "--model", "preset:tiny")
    assert done.code == 1
    assert "pip install 'earthmarker-model[ui]'" in done.err
