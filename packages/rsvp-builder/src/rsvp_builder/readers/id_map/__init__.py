"""Pictures with two maps of the same size: whose pixel it is, and what that is (iSAID).

::

    P0003.png   P0003_instance_id_RGB.png   P0003_instance_color_RGB.png

The id of an instance is red + 256 green + 65536 blue, 0 where there is none; ids are unique in their image
only. The other map has the colour of the class. Source: https://github.com/CAPTAIN-WHU/iSAID_Devkit and real
files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import nothing_found
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.id_map.instances import read_instances
from rsvp_builder.readers.label_map.coding import Colour, tokens_by_colour
from rsvp_builder.readers.layouts import layout_of
from rsvp_builder.readers.pairing import duplicate, pair
from rsvp_builder.readers.scan import IMAGE_SUFFIXES, Found, walk
from rsvp_builder.readers.splits import SplitRule
from rsvp_builder.record import Annotations, Item


class IdMapLayout(BaseModel):
    """``[layout]`` of a manifest of id maps.

    Attributes:
        ids: what the names of id maps have after the name of their picture, without suffix.
        classes: the same of class maps.
        colours: raw class token -> red, green and blue.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ids: str
    classes: str
    colours: dict[str, Colour]


class IdMapReader:
    """Reads id maps; see :class:`rsvp_builder.readers.Reader`."""

    def index(self, root: Path, manifest: Manifest) -> Index:
        """Pair pictures with their two maps, which may lie beside them or in folders of their own.

        Raises:
            RsvpError: there is no id map.
        """
        layout = layout_of(manifest, IdMapLayout)
        found = [file for file in walk(root) if file.suffix in IMAGE_SUFFIXES]
        ids = [file for file in found if file.stem.endswith(layout.ids)]
        classes = [file for file in found if file.stem.endswith(layout.classes)]
        if not ids:
            raise RsvpError(nothing_found(root, [manifest], list(walk(root))))
        maps = {*ids, *classes}
        rule = SplitRule(manifest, root, found)

        def name(file: Found) -> str:
            return file.stem.removesuffix(layout.ids).removesuffix(layout.classes)

        pictures = (file for file in found if file not in maps)
        paired = pair(rule, pictures, ids, label_name=name, listed_name=name)
        drops = list(paired.drops)
        by_key: dict[str, Found] = {}
        for file in classes:
            image_id = f"{rule.of(file, name(file))}/{name(file)}"
            first = by_key.setdefault(image_id, file)
            if first is not file:
                drops.append(duplicate(image_id, file, first, "metadata"))
        items = []
        for item in paired.items:
            second = by_key.pop(item.image_id, None)
            if second and item.label:
                size = item.label_bytes + second.size
                item = replace(item, meta=second.path, label_bytes=size, meta_stamp=second.stamp)
            items.append(item)
            if second and not item.label:
                drops.append(_alone(item.image_id, second, layout))
        drops += [_alone(image_id, file, layout) for image_id, file in by_key.items()]
        return Index(tuple(items), tuple(drops), paired.notices)

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """Cut the instances out of the maps of some images."""
        layout = layout_of(manifest, IdMapLayout)
        return read_instances(root, manifest, tokens_by_colour(manifest, layout.colours), items, drops)


def _alone(image_id: str, file: Found, layout: IdMapLayout) -> Drop:
    expected = f"an id map beside it, {image_id.rpartition('/')[2]}{layout.ids}"
    return Drop("metadata", Reason.LABEL_MISSING, image_id, file.path, None, file.name, expected)


READER = IdMapReader()
