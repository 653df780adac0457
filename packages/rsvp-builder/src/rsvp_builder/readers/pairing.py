"""Pairing pictures with the label files of the same name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.readers import Index
from rsvp_builder.readers.scan import Found
from rsvp_builder.readers.splits import SplitRule
from rsvp_builder.record import Item

NameOf = Callable[[Found], str]
"""What an image is called within its split, from its picture or its label file."""


def stem(file: Found) -> str:
    """The usual name: the file's stem."""
    return file.stem


def folder_and_stem(file: Found) -> str:
    """The name where folders repeat stems: ``CAR/P0001``."""
    return f"{file.folder.name}/{file.stem}"


def pair(
    rule: SplitRule,
    images: Iterable[Found],
    labels: Iterable[Found],
    *,
    image_name: NameOf = stem,
    label_name: NameOf = stem,
    listed_name: NameOf = stem,
    meta: dict[str, Found] | None = None,
) -> Index:
    """Pair pictures and label files of equal name and split; what is left over is kept, alone.

    Args:
        rule: the splits.
        images: pictures.
        labels: label files.
        image_name: name of the image that a picture is.
        label_name: name of the image that a label file is about.
        listed_name: what split lists call the image of a file.
        meta: a second file about an image, by the image's name.

    Returns:
        An index in order. Pictures of splits without labels, second files of one name and images that a
        list names but nobody has are among its drops.
    """
    drops = list(rule.drops)
    by_image = _by_key(rule, images, image_name, listed_name, "image", drops)
    by_label = _by_key(rule, labels, label_name, listed_name, "metadata", drops)
    items = []
    for key in sorted(by_image.keys() | by_label.keys()):
        split, name = key
        image, label, second = by_image.get(key), by_label.get(key), (meta or {}).get(name)
        if image and not label and rule.unlabelled(split):
            expected = f"labels, which were never released for split '{split}'"
            image_id = f"{split}/{name}"
            drops.append(Drop("image", Reason.UNLABELLED_SPLIT, image_id, image.path, None, "", expected))
            continue
        items.append(item_of(split, name, image, label, second))
    return Index(tuple(items), (*drops, *rule.not_met()), tuple(rule.notices()))


def item_of(
    split: str, name: str, image: Found | None, label: Found | None, meta: Found | None = None, data: str = ""
) -> Item:
    """An item from the files that there are."""
    return Item(
        image_id=f"{split}/{name}",
        split=split,
        image=image.path if image else None,
        label=label.path if label else None,
        meta=meta.path if meta else None,
        image_bytes=image.size if image else 0,
        label_bytes=(label.size if label else 0) + (meta.size if meta else 0),
        data=data,
        image_stamp=image.stamp if image else None,
        label_stamp=label.stamp if label else None,
        meta_stamp=meta.stamp if meta else None,
    )


def _by_key(
    rule: SplitRule,
    files: Iterable[Found],
    name_of: NameOf,
    listed_name: NameOf,
    what: str,
    drops: list[Drop],
) -> dict[tuple[str, str], Found]:
    keyed: dict[tuple[str, str], Found] = {}
    for file in files:
        name = name_of(file)
        split = rule.of(file, listed_name(file))
        first = keyed.setdefault((split, name), file)
        if first is not file:
            drops.append(duplicate(f"{split}/{name}", file, first, what))
    return keyed


def duplicate(image_id: str, file: Found, first: Found, what: str) -> Drop:
    """The drop of a second file of one name; ``what`` is ``image`` or ``metadata``."""
    expected = (
        f"one {'image' if what == 'image' else 'label'} of this name in the split; {first.path} is used"
    )
    kind = "image" if what == "image" else "metadata"
    return Drop(kind, Reason.DUPLICATE_STEM, image_id, file.path, None, file.name, expected)  # type: ignore[arg-type]
