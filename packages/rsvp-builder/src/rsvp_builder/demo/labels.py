"""The text of DOTA's label and meta files."""

from __future__ import annotations

from collections.abc import Sequence

from rsvp_builder.demo.drawing import DrawnObject


def label_text(
    objects: Sequence[DrawnObject],
    *,
    image_source: str | None,
    gsd: float | None,
    header: bool,
    newline: str = "\r\n",
    bom: bool = False,
    difficult_field: bool = True,
    float_coordinates: bool = False,
) -> bytes:
    """The bytes of one label file.

    Args:
        objects: one line each, in this order.
        image_source: the first header line; None leaves that line out.
        gsd: metres per pixel in the second header line; None writes ``gsd:null``.
        header: v1.0 and v1.5 have the two header lines, v2.0 has none.
        newline: line terminator; the real files have CRLF.
        bom: start with a UTF-8 byte order mark.
        difficult_field: write the tenth field; derived data sets lack it.
        float_coordinates: write ``12.5`` instead of ``12``.
    """
    lines: list[str] = []
    if header:
        if image_source is not None:
            lines.append(f"imagesource:{image_source}")
        lines.append(f"gsd:{_number(gsd, 'null')}")
    for item in objects:
        fields = [f"{value:.1f}" if float_coordinates else str(round(value)) for value in item.quad]
        fields.append(item.category)
        if difficult_field:
            fields.append(str(item.difficult))
        lines.append(" ".join(fields))
    return _encoded(lines, newline, bom)


def meta_text(
    *,
    acquisition_dates: str | None,
    image_source: str | None,
    gsd: float | None,
    newline: str = "\r\n",
    bom: bool = False,
) -> bytes:
    """The bytes of one meta file of v2.0; what is None is written as the literal ``None``."""
    lines = [
        f"acquisition dates:{acquisition_dates}",
        f"imagesource:{image_source}",
        f"gsd:{_number(gsd, 'None')}",
    ]
    return _encoded(lines, newline, bom)


def _number(value: float | None, missing: str) -> str:
    return missing if value is None else format(value, ".12g")


def _encoded(lines: Sequence[str], newline: str, bom: bool) -> bytes:
    text = "".join(line + newline for line in lines)
    return text.encode("utf-8-sig" if bom else "utf-8")
