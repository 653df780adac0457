"""Units of work and the fingerprint that a resumed build must agree with."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.catalog import shipped
from rsvp_builder.dataset.layout import Folder, read_json
from rsvp_builder.engine import plan as planning
from rsvp_builder.engine.plan import make_plan, save_plan, unit_stamp
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.readers import Index
from rsvp_builder.record import Item
from rsvp_builder.settings import Settings

MANIFEST = shipped()["DOTA-v2.0"]
MB = 2**20


def item(number, split="train", image_bytes=1000, label_bytes=100):
    stem = f"P{number:05d}"
    return Item(
        f"{split}/{stem}",
        split,
        f"{split}/{stem}.png",
        f"{split}/{stem}.txt",
        image_bytes=image_bytes,
        label_bytes=label_bytes,
    )


def index_of(*items, drops=()):
    return Index(tuple(items), tuple(drops), ())


def plan_of(*items, settings=None, manifest=MANIFEST, drops=()):
    return make_plan(manifest, settings or Settings(), index_of(*items, drops=drops))


def sizes(plan):
    return [len(unit.items) for unit in plan.units]


# Units


ITEMS = st.lists(
    st.tuples(st.sampled_from(["train", "val"]), st.integers(0, 300 * MB), st.integers(0, 10 * MB)),
    max_size=60,
).map(
    lambda entries: [item(n, *entry) for n, entry in enumerate(sorted(entries, key=lambda entry: entry[0]))]
)


@given(ITEMS, st.booleans(), st.integers(1, 7))
def test_units_hold_every_item_once_in_order_within_their_limits_and_are_full(items, embed, most):
    settings = Settings() if embed else Settings(images="reference", tile=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "UNIT_ITEMS", most)
        units = plan_of(*items, settings=settings).units

    def fits(run):
        return (
            len(run) <= most
            and sum(entry.label_bytes for entry in run) <= planning.UNIT_LABEL_BYTES
            and (not embed or sum(entry.image_bytes for entry in run) <= planning.UNIT_IMAGE_BYTES)
        )

    assert [entry for unit in units for entry in unit.items] == items
    assert [unit.number for unit in units] == list(range(len(units)))
    for unit in units:
        assert unit.items
        assert {entry.split for entry in unit.items} == {unit.split}
        assert fits(unit.items) or len(unit.items) == 1
    for split in ("train", "val"):
        own = [unit for unit in units if unit.split == split]
        assert [unit.shard for unit in own] == list(range(len(own)))
        assert {unit.shards for unit in own} <= {len(own)}
        for unit, following in pairwise(own):
            assert not fits([*unit.items, following.items[0]])


def test_a_unit_ends_at_the_limit_of_items():
    assert planning.UNIT_ITEMS == 512
    assert sizes(plan_of(*map(item, range(512)))) == [512]
    assert sizes(plan_of(*map(item, range(1030)))) == [512, 512, 6]


def test_a_unit_ends_before_the_limit_of_picture_bytes_is_passed():
    quarter = [item(n, image_bytes=64 * MB) for n in range(9)]
    assert sizes(plan_of(*quarter)) == [4, 4, 1]
    a_little_more = [replace(entry, image_bytes=64 * MB + 1) for entry in quarter]
    assert sizes(plan_of(*a_little_more)) == [3, 3, 3]


def test_referenced_pictures_do_not_count():
    heavy = [item(n, image_bytes=200 * MB) for n in range(9)]
    assert sizes(plan_of(*heavy, settings=Settings(images="reference", tile=0))) == [9]


def test_a_unit_ends_before_the_limit_of_label_bytes_is_passed():
    assert sizes(plan_of(*(item(n, label_bytes=4 * MB) for n in range(5)))) == [2, 2, 1]


def test_an_item_above_a_limit_has_a_unit_of_its_own():
    items = [item(0), item(1, image_bytes=10_000 * MB), item(2), item(3, label_bytes=60 * MB), item(4)]
    assert sizes(plan_of(*items)) == [1, 1, 1, 1, 1]


def test_splits_never_share_a_unit():
    units = plan_of(item(0), item(1), item(0, "val"), item(1, "val"), item(2, "val")).units
    assert [(unit.split, len(unit.items), unit.shard, unit.shards) for unit in units] == [
        ("train", 2, 0, 1),
        ("val", 3, 0, 1),
    ]


def test_nothing_makes_no_unit():
    assert plan_of().units == ()


def test_units_do_not_depend_on_the_machine(monkeypatch):
    items = [item(n, image_bytes=30 * MB) for n in range(40)]
    plans = []
    for cores in (1, 64):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        monkeypatch.setattr("os.sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
        plans.append(plan_of(*items))
    assert plans[0] == plans[1]


def test_files_left_out_before_the_build_stay_in_the_plan():
    drop = Drop("image", Reason.UNLABELLED_SPLIT, "test/P0", "test/P0.png", None, "", "labels")
    assert plan_of(item(0), drops=[drop]).drops == (drop,)


# Fingerprint


DROP = Drop("image", Reason.DUPLICATE_STEM, "train/P00009", "train/P00009.jpg", None, "", "one image a stem")
BASE = {"items": [item(0), item(1)], "settings": Settings(), "manifest": MANIFEST, "drops": []}
OTHERS = {
    "an item more": {"items": [item(0), item(1), item(2)]},
    "an item less": {"items": [item(0)]},
    "another picture size": {"items": [item(0), item(1, image_bytes=1001)]},
    "another part of a shared file": {"items": [item(0), replace(item(1), data="[2]")]},
    "another label size": {"items": [item(0), item(1, label_bytes=101)]},
    "no label": {"items": [item(0), replace(item(1), label=None)]},
    "a renamed picture": {"items": [item(0), replace(item(1), image="train/P00001.jpg")]},
    "a metadata file": {"items": [item(0), replace(item(1), meta="meta/P00001.txt")]},
    "another split": {"items": [item(0), item(1, "val")]},
    "a file left out": {"drops": [DROP]},
    "another class name": {"manifest": MANIFEST.model_copy(update={"classes": {"plane": "airplane"}})},
    "another version": {"manifest": MANIFEST.model_copy(update={"version": "2.1"})},
    **{
        f"setting {name}": {"settings": Settings.model_validate({**Settings().model_dump(), name: value})}
        for name, value in {
            "tasks": ("region_caption",),
            "tile": 512,
            "overlap": 100,
            "min_area": 0.5,
            "tile_format": "jpeg",
            "marks_per_row": 5,
            "difficult": "drop",
            "paraphrases": True,
            "captions": "all",
            "samples_per_image": 2,
            "patch": 16,
            "patch_mode": "grid",
            "points_per_image": 50,
            "balance_points": True,
            "background": False,
            "seed": 1,
        }.items()
    },
    "setting images": {"settings": Settings(images="reference", tile=0)},
}


def fingerprint(items, settings, manifest, drops):
    return plan_of(*items, settings=settings, manifest=manifest, drops=drops).fingerprint


def test_every_setting_is_tried_here():
    assert {f"setting {name}" for name in Settings.model_fields} <= set(OTHERS)


@pytest.mark.parametrize("change", OTHERS)
def test_the_fingerprint_changes_with_everything_that_decides_the_bytes(change):
    assert fingerprint(**{**BASE, **OTHERS[change]}) != fingerprint(**BASE)


def test_the_same_inputs_have_the_same_fingerprint_also_after_json():
    again = fingerprint([item(0), item(1)], Settings(), MANIFEST.model_copy(deep=True), [])
    assert again == fingerprint(**BASE)
    assert json.loads(json.dumps(again)) == again


def test_the_fingerprint_names_the_builder():
    from rsvp_builder import __version__

    assert fingerprint(**BASE)["builder_version"] == __version__


# Saving


def save(out, root, change=None):
    kinds = {**BASE, **(OTHERS[change] if change else {})}
    plan = plan_of(
        *kinds["items"], settings=kinds["settings"], manifest=kinds["manifest"], drops=kinds["drops"]
    )
    save_plan(Folder(out), kinds["manifest"], plan, root)


def test_the_saved_plan_tells_its_units_root_and_fingerprint(tmp_path):
    save(tmp_path / "out", tmp_path / "raw")
    saved = read_json(Folder(tmp_path / "out").plan("DOTA-v2.0"))
    assert saved == {
        "fingerprint": fingerprint(**BASE),
        "units": 1,
        "root": str((tmp_path / "raw").resolve()),
        "stamps": [unit_stamp(unit) for unit in plan_of(*BASE["items"]).units],
    }


@pytest.mark.parametrize("change", [None, *OTHERS])
def test_a_folder_takes_the_same_build_again_and_no_other(tmp_path, change):
    save(tmp_path, tmp_path / "raw")
    before = Folder(tmp_path).plan("DOTA-v2.0").read_bytes()
    if change is None:
        save(tmp_path, tmp_path / "raw")
    else:
        with pytest.raises(RsvpError):
            save(tmp_path, tmp_path / "raw", change)
    assert Folder(tmp_path).plan("DOTA-v2.0").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("setting tile", "tile was 1024, now 512"),
        ("setting tasks", r"tasks was \[\], now \['region_caption'\]"),
        ("setting difficult", "difficult was 'keep', now 'drop'"),
        ("setting images", "images was 'embed', now 'reference'; tile was 1024, now 0"),
        ("an item more", "the files of the raw release changed"),
        ("another picture size", "the files of the raw release changed"),
        ("another class name", "manifest differs"),
    ],
)
def test_the_refusal_names_what_differs_and_what_to_do(tmp_path, change, words):
    save(tmp_path, tmp_path / "raw")
    with pytest.raises(RsvpError) as caught:
        save(tmp_path, tmp_path / "raw", change)
    start = rf"{tmp_path}: already holds a build of DOTA-v2\.0 that differs: "
    caught.match(rf"^{start}{words}\. Use another --out, or --overwrite to start this source anew\.$")


def test_a_build_of_another_version_is_refused(tmp_path):
    save(tmp_path, tmp_path / "raw")
    path = Folder(tmp_path).plan("DOTA-v2.0")
    path.write_text(path.read_text().replace('"builder_version": "', '"builder_version": "9.'))
    with pytest.raises(RsvpError, match="builder_version"):
        save(tmp_path, tmp_path / "raw")


def test_a_damaged_plan_is_named_with_what_to_do(tmp_path):
    save(tmp_path, tmp_path / "raw")
    path = Folder(tmp_path).plan("DOTA-v2.0")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(RsvpError, match=r"plan\.json: damaged .* delete it and rerun"):
        save(tmp_path, tmp_path / "raw")


def test_sources_in_one_folder_have_plans_of_their_own(tmp_path):
    save(tmp_path, tmp_path / "raw")
    other = shipped()["DOTA-v1.0"]
    save_plan(Folder(tmp_path), other, plan_of(item(5), manifest=other), tmp_path / "other")
    assert Folder(tmp_path).planned() == ["DOTA-v1.0", "DOTA-v2.0"]
