"""The published row as fields of a Croissant record set, from the one Arrow schema.

Croissant's JSONPath works inside a column's value, which is how the fields of a struct, and of each
struct in a list, are named.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from rsvp_builder.record import IMAGE_TYPE, ROW_SCHEMA

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The standard ``@context`` of Croissant 1.1."""

_TYPES = {"string": "sc:Text", "int32": "cr:Int32", "double": "cr:Float64"}

_MEANS = {
    "id": "Derived from the row's content; the same row has the same id in every build.",
    "image": "The picture: PNG or JPEG.",
    "image_id": "Raw image: its split, then its name in the release.",
    "width": "Width of this row's picture in pixels.",
    "height": "Height of this row's picture in pixels.",
    "window": "x1 y1 x2 y2 of the tile in the raw image; null for a whole image.",
    "gsd": "Official ground sampling distance of the raw image in metres per pixel, or null.",
    "image_source": "Official origin of the raw image, such as a satellite or a map service, or null.",
    "source": "Release that the row comes from.",
    "source_version": "Version of that release.",
    "split": "Split of the release.",
    "task": "What is asked.",
    "granularity": "image, region or point.",
    "domain": "rs (remote sensing) or natural.",
    "marks": "Marked places in pixels of the row's picture: origin top left, x right, y down.",
    "marks/index": "From 1, in the order of the list; answers name marks by it.",
    "marks/kind": "box or point.",
    "marks/xyxy": "x1 y1 x2 y2 of a box, half-open, or null.",
    "marks/xy": "x y of a point, or null.",
    "marks/quad": "x1 y1 .. x4 y4 of an oriented box as annotated, or null.",
    "marks/label": "Class, or null.",
    "marks/caption": "Text about the mark, or null.",
    "marks/flags": "difficult, truncated, occluded, clipped, thin, shared.",
    "messages": "The conversation.",
    "messages/role": "user or assistant.",
    "messages/content": "Instruction, or answer with a line a mark.",
    "provenance": "Of the answer: human, derived (a rule made it from annotations), or a model's name.",
    "license": "Terms of the row's source.",
    "builder_version": "Version of the program that built the row.",
}


def fields(record_set: str, file_set: str) -> list[dict[str, Any]]:
    """Fields of a record set over Parquet shards of the published row.

    Args:
        record_set: identifier of the record set; those of its fields begin with it.
        file_set: identifier of the file set that holds the shards.
    """
    return [_field(record_set, file_set, column.name, column.type) for column in ROW_SCHEMA]


def _field(record_set: str, file_set: str, column: str, arrow_type: pa.DataType) -> dict[str, Any]:
    source = {"fileSet": {"@id": file_set}, "extract": {"column": column}}
    named = _named(record_set, column)
    if arrow_type == IMAGE_TYPE:
        return named | {"dataType": "sc:ImageObject", "source": source | {"transform": {"jsonPath": "bytes"}}}
    if pa.types.is_list(arrow_type) and pa.types.is_struct(arrow_type.value_type):
        parts = [
            _named(record_set, f"{column}/{part.name}")
            | _typed(part.type)
            | {"source": source | {"transform": {"jsonPath": part.name}}}
            for part in arrow_type.value_type
        ]
        return named | {"isArray": True, "arrayShape": "-1", "subField": parts}
    return named | _typed(arrow_type) | {"source": source}


def _named(record_set: str, name: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{name}",
        "name": name.rpartition("/")[2],
        "description": _MEANS[name],
    }


def _typed(arrow_type: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(arrow_type):
        return {"dataType": _TYPES[str(arrow_type.value_type)], "isArray": True, "arrayShape": "-1"}
    return {"dataType": _TYPES[str(arrow_type)]}
