"""Which marks each task asks about, and that an object is lost only where no task marks it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from rsvp_builder.catalog import shipped
from rsvp_builder.engine.layers import is_planned, lay_out
from rsvp_builder.engine.sampling import point_at_instances
from rsvp_builder.ledger import Reason
from rsvp_builder.masks import PackedMask
from rsvp_builder.readers.objects import ObjectList
from rsvp_builder.record import Item
from rsvp_builder.settings import Settings
from rsvp_builder.tasks import task

DOTA = shipped()["DOTA-v2.0"]
BOX, POINT, CAPTION = "referring_classification_box", "referring_classification_point", "image_caption"
REGION, SCENE, RELATION, GROUNDED = (
    "region_caption",
    "scene_classification",
    "relationship_analysis",
    "grounded_caption",
)


def items_of(n=1):
    return [Item(f"train/{i}", "train", f"{i}.png", f"{i}.txt") for i in range(n)]


def laid(objects, *tasks, sizes=((200, 100),), manifest=DOTA, prose=None, **settings):
    annotations = objects.annotations()
    if prose is not None:
        numbers = np.arange(1, len(annotations.objects) + 1)
        annotations = replace(annotations, prose=prose, numbers=numbers)
    settings = Settings(tasks=tasks, **settings).resolved(manifest)
    return lay_out(
        manifest, settings, [task(name) for name in tasks], items_of(len(sizes)), annotations, sizes
    )


def reasons(made):
    return Counter(drop.reason for drop in made.lost)


def boxes(*places, items=1, **options):
    objects = ObjectList(items_of(items), **options)
    for line, box in enumerate(places, start=1):
        objects.add(0, line=line, class_id=0, box=box)
    return objects


def test_box_and_point_tasks_ask_about_the_same_objects_in_their_own_way():
    made = laid(boxes((10, 10, 30, 20)), BOX, POINT)
    box, point = made.layers
    assert box.marks.box.tolist() == [[10, 10, 30, 20]]
    assert box.marks.point is None
    assert point.marks.point.tolist() == [[20, 15]]
    assert made.lost == []


def test_an_object_that_one_layer_loses_and_another_marks_is_not_lost():
    # Too wide for any tile, but its centre lies on one.
    made = laid(boxes((0, 0, 190, 90)), BOX, POINT, tile=64, overlap=0)
    assert [len(layer.marks) for layer in made.layers] == [0, 1]
    assert made.lost == []
    assert reasons(laid(boxes((0, 0, 190, 90)), BOX, tile=64, overlap=0)) == {Reason.SPLIT_BY_TILES: 1}


def test_an_object_that_no_task_uses_is_lost_by_design():
    objects = ObjectList(items_of(), texts=True)
    objects.add(0, line=1, text="A harbor.")
    objects.add(0, line=2, class_id=3)
    assert reasons(laid(objects, CAPTION)) == {Reason.NOT_ASKED: 1}
    assert reasons(laid(objects, SCENE)) == {Reason.NOT_ASKED: 1}
    made = laid(objects, CAPTION, SCENE)
    assert made.lost == []
    assert [layer.marks.source.tolist() for layer in made.layers] == [[0], [1]]
    assert made.layers[0].marks.box.tolist() == [[0, 0, 200, 100]]


def test_each_caption_of_an_image_once_or_as_often_as_it_is_there():
    objects = ObjectList(items_of(2), texts=True)
    for item, text in ((0, "A."), (0, "B."), (0, "A."), (1, "A.")):
        objects.add(item, line=1, text=text)
    made = laid(objects, CAPTION, sizes=((20, 10), (20, 10)))
    assert made.layers[0].marks.source.tolist() == [0, 1, 3]
    assert reasons(made) == {Reason.DUPLICATE_TEXT: 1}
    made = laid(objects, CAPTION, sizes=((20, 10), (20, 10)), captions="all")
    assert made.layers[0].marks.source.tolist() == [0, 1, 2, 3]


def test_whole_images_are_not_tiled_though_boxes_beside_them_are():
    objects = ObjectList(items_of(), texts=True)
    objects.add(0, line=1, class_id=0, box=(1, 1, 5, 5))
    objects.add(0, line=2, text="A scene.")
    made = laid(objects, BOX, CAPTION, tile=64, overlap=0)
    windows = [frame.window for frame in made.frames]
    assert windows == [None, (0, 0, 64, 64)]
    assert [layer.marks.frame.tolist() for layer in made.layers] == [[1], [0]]


def test_people_wrote_captions_of_some_regions_and_those_are_asked_about():
    objects = ObjectList(items_of(), texts=True)
    objects.add(0, line=1, class_id=0, box=(1, 1, 5, 5), text="The left plane")
    objects.add(0, line=2, class_id=0, box=(11, 1, 15, 5))
    made = laid(objects, REGION, BOX)
    assert [layer.marks.source.tolist() for layer in made.layers] == [[0], [0, 1]]


def test_an_empty_mask_gives_no_point_and_no_box_centre_instead():
    objects = ObjectList(items_of(), masks=True)
    full, empty = np.ones((5, 5), bool), np.zeros((5, 5), bool)
    objects.add(0, line=1, class_id=0, box=(1, 1, 6, 6), mask=PackedMask.of(1, 1, full))
    objects.add(0, line=2, class_id=0, box=(11, 1, 16, 6), mask=PackedMask.of(11, 1, empty))
    objects.add(0, line=3, class_id=0, box=(21, 1, 26, 6))
    annotations = point_at_instances(objects.annotations())
    settings = Settings(tasks=(POINT,)).resolved(DOTA)
    made = lay_out(DOTA, settings, [task(POINT)], items_of(), annotations, [(200, 100)])
    assert made.layers[0].marks.point.tolist() == [[3.5, 3.5], [23.5, 3.5]]
    assert [(drop.reason, drop.line) for drop in made.lost] == [(Reason.EMPTY_MASK, 2)]


@pytest.mark.parametrize(("count", "rows"), [(1, []), (2, [2]), (20, [20]), (21, [20]), (22, [20, 2])])
def test_a_relationship_takes_two(count, rows):
    made = laid(boxes(*[(i, 0, i + 1, 1) for i in range(count)]), RELATION)
    [layer] = made.layers
    assert layer.planned
    assert len(layer.marks) == sum(rows)
    assert reasons(made) == ({Reason.MARKS_PER_ROW: 1} if count - sum(rows) else {})
    assert laid(boxes(*[(i, 0, i + 1, 1) for i in range(count)]), RELATION, BOX).lost == []


def test_prose_keeps_its_image_whole_and_all_its_marks_in_one_row():
    manifest = DOTA.model_copy(update={"answered": [GROUNDED]})
    places = [(i, 0, i + 1, 1) for i in range(20)]
    made = laid(
        boxes(*places), GROUNDED, manifest=manifest, prose=["text"], tile=64, overlap=0, captions="all"
    )
    [layer] = made.layers
    assert not layer.planned
    assert [frame.window for frame in made.frames] == [None]
    assert len(layer.marks) == 20
    many = laid(boxes(*places, (30, 0, 31, 1)), GROUNDED, manifest=manifest, prose=["text"])
    assert reasons(many) == {Reason.MARKS_PER_ROW: 21}
    silent = laid(boxes(*places), GROUNDED, manifest=manifest, prose=[None])
    assert len(silent.layers[0].marks) == 0


def test_answers_in_prose_are_planned_unless_the_release_has_them():
    answered = DOTA.model_copy(update={"answered": [GROUNDED]})
    assert is_planned(task(GROUNDED), DOTA)
    assert not is_planned(task(GROUNDED), answered)
    assert is_planned(task(RELATION), answered)
    assert not is_planned(task(BOX), DOTA)


def test_difficult_objects_give_no_points_either_when_they_are_not_wanted():
    objects = ObjectList(items_of())
    objects.add(0, line=1, class_id=0, box=(1, 1, 5, 5), flags=1)
    objects.add(0, line=2, class_id=0, box=(1, 1, 5, 5))
    made = laid(objects, POINT, difficult="drop")
    assert made.layers[0].marks.source.tolist() == [1]
    assert reasons(made) == {Reason.DIFFICULT: 1}
