"""`earthmarker plan` and `earthmarker presets`: what is printed is what was computed."""

import json

from earthmarker.presets import PRESETS


def test_a_plan(run):
    done = run("plan", "--preset", "13b", "--gpus", 8)
    assert done.code == 0
    for part in (
        "13b: 14.18 B parameters",
        "align: 21.01 M",
        "spatial: 4.19 B",
        "rsvp: 26.21 M",
        "does not fit",
        "->",
    ):
        assert part in done.out
    assert "estimates, not measurements: 312 TFLOP/s a GPU at 40%" in done.err


def test_one_phase_as_json(run):
    done = run(
        "plan", "--preset", "7b", "--gpus", 2, "--gpu-memory", 24, "--phase", "rsvp", "--rows", 100, "--json"
    )
    made = json.loads(done.out)
    assert done.err == ""
    assert made["machine"]["memory"] == 24
    [phase] = made["phases"]
    assert (phase["phase"], phase["rows"], phase["steps"]) == ("rsvp", 100, 2)
    for option in phase["options"]:
        memory = option["memory"]
        assert memory["total"] == sum(value for name, value in memory.items() if name != "total")
    assert phase["fits"] == any(option["fits"] for option in phase["options"])


def test_settings_of_a_file(run, config):
    done = run("plan", "--preset", "tiny", "--config", config, "--gpus", 1, "--json", "--phase", "align")
    [phase] = json.loads(done.out)["phases"]
    assert (phase["batch"], phase["device_batch"]) == (4, 4)


def test_an_unknown_preset(run):
    done = run("plan", "--preset", "14b")
    assert done.code == 1
    assert "unknown preset '14b'" in done.err


def test_presets(run):
    done = run("presets")
    assert all(name in done.out for name in PRESETS)
    made = json.loads(run("presets", "--json").out)
    assert list(made) == list(PRESETS)
    assert made["tiny"]["parameters"]["projector"] == 3408
