"""The checks one by one: what they must find, and what they must leave alone."""

from __future__ import annotations

import json
import time
import tomllib
from importlib import resources

import pytest

from rsvp_builder.captioning.checks.classes import agree, plain
from rsvp_builder.captioning.checks.language import is_english
from rsvp_builder.captioning.checks.leaks import leaks
from rsvp_builder.captioning.checks.refusal import is_refusal
from rsvp_builder.captioning.judge import judge
from rsvp_builder.captioning.outcome import Fault
from rsvp_builder.captioning.render import normalised
from rsvp_builder.captioning.spec import prompt_for
from rsvp_builder.catalog import shipped

HARMLESS = (
    "houses with red roofs",
    "two boxes of containers",
    "a box-shaped building",
    "the number of ships",
    "the labelled runway 27",
    "a white box truck and a red box-like kiosk",
    "a stack of blue boxes",
    "the number 27 is painted on the runway",
    "runway number 2 and gate 3",
    "track number 1 of the station",
    "a helipad within the white circle",
    "courts outlined in white and marked with two white lines",
    "a blue rectangle of water",
    "the line marks 3 parking bays",
    "marked with 3 stripes",
    "three (3) ships",
    "marked parking spaces",
    "surrounded by green trees",
    "enclosed by a red brick wall",
    "outlined by green hedges",
    "in a forested region of the coast",
    "two regions of forest",
    "a red-roofed house in a green square",
    "circled by a ring road",
    "framed by green lawns, highlighted by the sun",
    "an orange dot of a buoy on the water",
    "a court with a green boundary",
    "the numbers painted on the deck",
    "a line 3.5 m wide with 1,200 cars",
    "in the middle of the image on the left",
    "the first of the ships, next to the second one",
    "number 7 painted on its stern",
    "a mark on the grass",
    "a landmark 3 blocks away",
    "a seaside resort's tag line",
)

LEAKS = (
    ("in the red box", 4),
    ("inside the green rectangle", 4),
    ("the Bounding Box of it", 4),
    ("number 3", 4),
    ("labelled 2", 4),
    ("labeled with the number 2", 4),
    ('labeled as "2"', 4),
    ("the label 2", 4),
    ("marked region 4", 4),
    ("marked region", 4),
    ("region 9 is there", 4),
    ("regions 1 and 2", 4),
    ("mark 3", 4),
    ("[4]", 4),
    ("(4)", 4),
    ("#2", 4),
    ("tag 3", 4),
    ("the digit 2", 4),
    ("digits 1 and 2", 4),
    ("outlined in red", 4),
    ("within a thin sky blue frame", 4),
    ("region two", 4),
    ("the numbered box", 4),
    ("number twelve", 12),
    ("label 12", 12),
    ("the zoomed-in crop", 4),
    ("the orange rectangle marks it", 4),
    ("both regions", 4),
    ("(120, 44)", 4),
    ("40 pixels", 4),
)


@pytest.mark.parametrize("text", HARMLESS)
@pytest.mark.parametrize("frame", ["{}", "There is {} here.", "It is {}"])
def test_what_sounds_like_the_drawing_and_is_not(text, frame):
    assert list(leaks(frame.format(text), 20)) == []


@pytest.mark.parametrize(("text", "highest"), LEAKS)
@pytest.mark.parametrize("frame", ["{}", "It is {}.", "There, {}, it lies"])
def test_what_speaks_of_the_drawing(text, highest, frame):
    found = list(leaks(frame.format(text), highest))
    assert found
    assert all(said.lower() in frame.format(text).lower() for said in found)


def test_a_number_above_the_highest_mark_is_not_of_the_drawing():
    for text in ("the number 5", "it is labelled 5", "number five", "[5]", "#5"):
        assert not list(leaks(text, 4))
        assert list(leaks(text, 5))


@pytest.mark.parametrize(
    "sentence",
    [
        "Many tennis courts arranged neatly with some plants around .",
        "Waves slapping a white sand beach throw up white foam .",
        "many arc boarding gates and some white take off lanes .",
        "The desert here is so rough that I can't see anything.",
        "Unfortunate weather has left parts of the field under water.",
        "A square building with a blue roof is next to two oval ponds and one river.",
        "Four baseball fields form a circle, and their home plates meet in the middle.",
        "The apron holds 12 planes, 3 of which are being loaded.",
    ],
)
def test_captions_such_as_people_write_are_left_alone(sentence):
    assert not list(leaks(sentence, 20))
    assert not is_refusal(sentence)
    assert is_english(sentence)


@pytest.mark.slow
def test_few_sentences_of_real_releases_are_complained_about(samples):
    """Captions by people: none speaks of a drawing, so whatever is found is a false alarm."""
    sentences = set()
    for path in ("UCM_captions/dataset.json", "RSITMD/dataset_RSITMD.RECONSTRUCTED.json"):
        for image in json.loads((samples / path).read_text())["images"]:
            sentences |= {each["raw"] for each in image["sentences"]}
    assert len(sentences) > 5000
    alarms = [sentence for sentence in sentences if list(leaks(sentence, 20)) or is_refusal(sentence)]
    foreign = [sentence for sentence in sentences if not is_english(sentence)]
    assert len(alarms) < 0.0005 * len(sentences), alarms
    assert len(foreign) < 0.0005 * len(sentences), foreign


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("Plane", "airplane"),
        ("aircraft", "airplane"),
        ("the airplanes", "airplane"),
        ("oil tanks", "storage tank"),
        ("a harbour", "harbor"),
        ("ground-track-field", "ground track field"),
        ("running track", "ground track field"),
        ("car", "vehicle"),
        ("vehicle", "car"),
        ("buses", "bus"),
        ("greenhouses", "greenhouse"),
        ("churches", "church"),
        ("bridge", "overpass"),
        ("truck", "large vehicle"),
        ("baseball field", "baseball diamond"),
        ("crossroads", "crossroad"),
        ("airplane", "airplane of another type"),
        ("jet", "Boeing 737 airplane"),
        ("container ship", "ship"),
        ("athletic field", "playground"),
        ("person", "person (not standing)"),
        ("cargo vessel", "ship"),
    ],
)
def test_names_that_agree(said, label):
    assert agree(said, label)


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("ship", "airplane"),
        ("airport", "airplane"),
        ("tennis court", "basketball court"),
        ("small vehicle", "large vehicle"),
        ("truck", "small vehicle"),
        ("aircraft", "aircraft carrier"),
        ("dam", "bridge"),
        ("T junction", "crossroad"),
        ("van", "bus"),
        ("tugboat", "yacht"),
        ("airplane hangar", "airplane"),
        ("", "airplane"),
        ("train station", "expressway toll station"),
        ("soccer field", "baseball diamond"),
    ],
)
def test_names_that_do_not_agree(said, label):
    assert not agree(said, label)


def test_every_label_of_every_source_agrees_with_itself_in_any_dress():
    labels = {str(label) for manifest in shipped().values() for label in manifest.classes.values()}
    assert len(labels) > 150
    for label in labels:
        last = label.split()[-1]
        many = label if last.endswith("s") or not last[-1].isalpha() else f"{label}s"
        for said in (label, label.upper(), f"a {label}", f"the {many}", label.replace(" ", "-")):
            assert agree(said, label), (said, label, plain(said))


def test_the_table_of_names_does_not_contradict_itself():
    text = (resources.files("rsvp_builder.captioning.checks") / "classes.toml").read_text()
    table = tomllib.loads(text)
    names = [name for group in table["same"] for name in group]
    assert len(names) == len(set(names)) > 80
    for group in table["same"]:
        assert all(agree(one, other) for one in group for other in group)
    for broad, narrow in table["kinds"].items():
        assert all(agree(broad, name) and agree(name, broad) for name in narrow)
    for one, others in table["near"].items():
        assert all(agree(one, other) and agree(other, one) for other in others)
    heads = [group[0] for group in table["same"]]
    allowed = [set(pair) for one, others in table["near"].items() for pair in ((one, o) for o in others)]
    allowed += [{broad, name} for broad, narrow in table["kinds"].items() for name in narrow]
    for one in heads:
        for other in heads:
            if one != other and {one, other} not in allowed:
                assert not agree(one, other), (one, other)


def calls(made, labels, analysis):
    row = made.row([made.box(i, (10 * i, 10, 10 * i + 9, 30), label) for i, label in enumerate(labels, 1)])
    regions = [{"region": i, "class": label or "thing"} for i, label in enumerate(labels, 1)]
    text = f"{analysis} All of it lies on dry ground with little vegetation and a few roads that lead away."
    shown = [mark["index"] for mark in row["marks"]]
    spec = prompt_for("relationship_analysis")
    return [
        c.fault
        for c in judge(spec, row, shown, made.wrapped({"regions": regions, "analysis": text})).complaints
    ]


@pytest.mark.parametrize(
    ("labels", "analysis"),
    [
        (["airplane", "bridge"], "The plane <Region 1> flies over the long bridge <Region 2>."),
        (
            ["vehicle", "bridge"],
            "A vehicle on the bridge <Region 1> moves, and the bridge <Region 2> is long.",
        ),
        (["ship", "harbor"], "A ship in the harbor <Region 1>; the piers <Region 2> lie around it."),
        (["airplane", "airplane"], "It <Region 1> is next to the other one <Region 2>."),
        (["ship", "ship"], "<Region 1> and <Region 2> are ships of one size."),
        (["ship", "harbor"], "The ship and the harbor <Region 1><Region 2> belong together."),
        (["parking lot", "car"], "A parking lot full of cars <Region 1> and a red car <Region 2> beside it."),
        (["vehicle", "vehicle"], "A tractor-trailer <Region 1> passes a pickup <Region 2>."),
        (
            ["expressway toll station", "airplane"],
            "The toll building <Region 1> and a jet <Region 2> are near.",
        ),
        ([None, "ship"], "The airplane <Region 1> is near the ship <Region 2>."),
    ],
)
def test_marks_called_by_their_class_or_by_no_class(made, labels, analysis):
    assert calls(made, labels, analysis) == []


@pytest.mark.parametrize(
    ("labels", "analysis", "wrong"),
    [
        (["airplane", "bridge"], "The ship <Region 1> passes the bridge <Region 2>.", 1),
        (["airplane", "bridge"], "The bridge <Region 1> lies below the airplane <Region 2>.", 2),
        (["ship", "ship"], "Two storage tanks <Region 1><Region 2> stand there.", 2),
        (["small vehicle", "ship"], "A large vehicle <Region 1> waits near the ship <Region 2>.", 1),
        (["greenhouse", "windmill"], "The windmill <Region 1> turns near the windmill <Region 2>.", 1),
    ],
)
def test_marks_called_by_another_class(made, labels, analysis, wrong):
    assert calls(made, labels, analysis) == [Fault.WRONG_CLASS] * wrong


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (
            "A plane <Region 1>  beside\ntwo cars <Region 2> <Region 3> .",
            "A plane <Region 1> beside two cars <Region 2><Region 3>.",
        ),
        ("cars<Region 2>", "cars <Region 2>"),
        ("cars <Regions 2-4>", "cars <Region 2><Region 3><Region 4>"),
        ("cars <Region 2, Region 3 and 5>", "cars <Region 2><Region 3><Region 5>"),
        ("<Region 1>a plane</Region 1> flies", "a plane <Region 1> flies"),
        ("a plane (<Region 1>, <Region 2>) flies", "a plane <Region 1><Region 2> flies"),
        ("a plane <REGION_1/>", "a plane <Region 1>"),
        ("a <b>plane</b> at x < 3", "a <b>plane</b> at x < 3"),
        ("between <Region 1> and <Region 2>", "between <Region 1> and <Region 2>"),
    ],
)
def test_signs_are_brought_into_one_form(text, form):
    assert normalised(text) == form
    assert normalised(form) == form


def test_english_with_foreign_names_is_english():
    assert is_english("The Café near the Allianz Arena in München has a terrace that faces the river.")
    assert is_english("Airplane.")
    assert not is_english("飞机")
    assert not is_english("Máy bay màu trắng đậu cạnh nhà ga lớn phía bên trái bức ảnh rất rõ")


@pytest.mark.parametrize(
    ("labels", "analysis"),
    [
        (
            ["ground track field", "basketball court", "basketball court", "tennis court"],
            "The red running track of the ground track field <Region 1> encloses a green lawn. Two adjacent "
            "basketball courts <Region 2><Region 3>, painted blue with white boundary lines, lie directly to "
            "its right; the tennis court <Region 4> is the smallest of the group.",
        ),
        (
            ["storage tank"] * 4,
            "The four storage tanks <Region 1><Region 2><Region 3><Region 4> form a 2 by 2 grid. The upper "
            "left tank <Region 1> and the upper right one <Region 2> are larger than the lower pair "
            "<Region 3><Region 4>, and all of them cast shadows to the lower right.",
        ),
        (
            ["overpass", "vehicle", "vehicle"],
            "The overpass <Region 1> carries a road over a highway. A truck <Region 2> is on its deck, while "
            "a second vehicle <Region 3> is about to pass below the bridge, 3 car lengths ahead of it.",
        ),
        (
            ["ship", "ship", "harbor"],
            "Both ships <Region 1><Region 2> are moored to the pier of the harbor <Region 3>, one of them "
            "nearer to its tip, beside a box-like shed. The harbor provides the berths that the vessels use.",
        ),
        (
            ["airplane", "airport"],
            "The airplane <Region 1> is parked at gate 2 and is thus part of the airport <Region 2>, whose "
            "runway 09 runs diagonally across the image.",
        ),
    ],
)
def test_answers_in_the_voice_of_large_models(made, labels, analysis):
    assert calls(made, labels, analysis) == []


@pytest.mark.parametrize(
    "piece",
    [
        "<Region ",
        "<Region 1, ",
        "<Region 1> aa",
        "marked as by with the region ",
        "(1, ",
        "[",
        "dark red box ",
    ],
)
def test_time_grows_no_faster_than_the_answer(made, piece):
    """A model that repeats itself to the last token does not hold up a run."""
    seconds = []
    for size in (20_000, 160_000):
        start = time.process_time()
        calls(made, ["ship", "ship"], f"The {piece * (size // len(piece))}")
        seconds.append(time.process_time() - start)
    assert seconds[1] < 40 * max(seconds[0], 0.01)
