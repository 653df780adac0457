"""FAIR1M: oriented boxes as closed polygons in XML of its own.

::

    <annotation><source><filename>0.tif</filename><origin>GF2/GF3</origin></source>
      <size><width>1000</width><height>1000</height><depth>3</depth></size>
      <objects><object>
        <possibleresult><name>Liquid Cargo Ship</name></possibleresult>
        <points><point>430.000000,210.000000</point> ... five, the last repeats the first ...</points>
      </object></objects></annotation>

Source: https://www.gaofen-challenge.com/benchmark and public readers of the release; no real file was seen.
Coordinates are taken for 0-based and continuous. The quad is the four distinct points in the order of the
file; which corner comes first means nothing. Only the first ``possibleresult`` is read.

Stems restart at 0 in each part of each split, so the image id is ``split/part/stem``.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import nothing_found
from rsvp_builder.ledger import Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.classes import ClassTable
from rsvp_builder.readers.layouts import layout_of
from rsvp_builder.readers.objects import ObjectList
from rsvp_builder.readers.pairing import pair
from rsvp_builder.readers.scan import IMAGE_SUFFIXES, Found, walk
from rsvp_builder.readers.splits import SplitRule
from rsvp_builder.readers.texts import called
from rsvp_builder.readers.unusable import UnusableError
from rsvp_builder.readers.xml_labels import declared_size, numeral, open_label
from rsvp_builder.record import Annotations, Item

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_POINTS = 5


class Fair1mLayout(BaseModel):
    """``[layout]`` of a manifest. All names are shell patterns for one folder name; case does not matter.

    Attributes:
        images: folders of pictures.
        labels: folders of label files; the archives of the release name them differently.
        parts: folders that stems are unique in; their names belong to the image id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: list[str]
    labels: list[str]
    parts: list[str]


def _is(patterns: Sequence[str], part: str) -> bool:
    return any(fnmatch(part.lower(), pattern.lower()) for pattern in patterns)


class Fair1mReader:
    """Reads FAIR1M; see :class:`rsvp_builder.readers.Reader`."""

    def index(self, root: Path, manifest: Manifest) -> Index:
        """List pictures and label files.

        Raises:
            RsvpError: no label file lies under ``root``.
            ManifestError: the ``[layout]`` does not fit.
        """
        layout = layout_of(manifest, Fair1mLayout)
        found = list(walk(root))
        images = [f for f in found if f.suffix in IMAGE_SUFFIXES and _holds(layout.images, f.folder)]
        labels = [f for f in found if f.suffix == ".xml" and _holds(layout.labels, f.folder)]
        if not labels:
            raise RsvpError(nothing_found(root, [manifest], found))

        def name(file: Found) -> str:
            parts = dict.fromkeys(part.lower() for part in file.folder.parts if _is(layout.parts, part))
            return "/".join((*parts, file.stem))

        rule = SplitRule(manifest, root, found)
        return pair(rule, images, labels, image_name=name, label_name=name)

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """Parse the label files of some items."""
        classes, objects = ClassTable(manifest), ObjectList(items)
        for position, item in enumerate(items):
            if item.label is None:
                continue
            label = open_label(root, item, drops, root_tag="annotation", object_tag="object")
            if label is None:
                objects.readable[position] = False
                continue
            objects.declared[position] = declared_size(label, item, "size/width", "size/height", drops)
            origin = (label.root.findtext("source/origin") or "").strip()
            objects.image_source[position] = called(origin) or None
            for element, line in zip(label.objects, label.lines, strict=True):
                try:
                    class_id, quad = _class_of(element, classes), _quad_of(element)
                except UnusableError as error:
                    drops.add(error.of_object(item, line))
                    objects.lose(position)
                    continue
                box = (min(quad[0::2]), min(quad[1::2]), max(quad[0::2]), max(quad[1::2]))
                objects.add(position, line=line, class_id=class_id, box=box, quad=quad)
        return objects.annotations()


def _holds(patterns: Sequence[str], folder: PurePosixPath) -> bool:
    """Whether some folder on a path is one of those."""
    return any(_is(patterns, part) for part in folder.parts)


def _class_of(element: Element, classes: ClassTable) -> int:
    name = (element.findtext("possibleresult/name") or "").strip()
    if not name:
        raise UnusableError(Reason.MALFORMED_LINE, name, "a class in possibleresult/name")
    class_id = classes.id(name)
    if class_id is None:
        raise UnusableError(Reason.UNKNOWN_CLASS, name, classes.expected)
    return class_id


def _quad_of(element: Element) -> list[float]:
    """The vertices of the polygon, without the one that closes it."""
    texts = [(point.text or "").strip() for point in element.findall("points/point")]
    if len(texts) != _POINTS:
        raise UnusableError(Reason.MALFORMED_LINE, f"{len(texts)} points: {'; '.join(texts)}", _FIVE)
    points = [_point(text) for text in texts]
    if points[0] != points[-1]:
        raise UnusableError(Reason.MALFORMED_LINE, "; ".join(texts), _FIVE)
    return [value for point in points[:-1] for value in point]


_FIVE = f"{_POINTS} points, the last of which repeats the first"


def _point(text: str) -> tuple[float, float]:
    x, comma, y = text.partition(",")
    if not comma or "," in y:
        raise UnusableError(Reason.MALFORMED_LINE, text, "a point x,y")
    what = "a coordinate of a point x,y"
    return numeral(x, what), numeral(y, what)


READER = Fair1mReader()
