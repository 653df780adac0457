"""Pictures with semantic maps: rasters of the same size whose colours or numbers mean classes.

The releases differ in names, folders and coding only, all of which their manifests state. A map is not read
here: the build draws points on it, see :mod:`rsvp_builder.marks.patch_points`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rsvp_builder.ledger import Drops
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.label_map.index import index_release
from rsvp_builder.readers.label_map.layout import codings_of
from rsvp_builder.readers.objects import ObjectList
from rsvp_builder.record import Annotations, Item, MapFile


class LabelMapReader:
    """Reads releases of semantic maps; see :class:`rsvp_builder.readers.Reader`."""

    def index(self, root: Path, manifest: Manifest) -> Index:
        """List pictures and maps."""
        codings_of(manifest)  # a manifest that does not fit is told before a build starts
        return index_release(root, manifest)

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """Say of each image which map it has and what its samples mean."""
        codings = codings_of(manifest)
        maps = [MapFile(item.label, codings[int(item.data)]) if item.label else None for item in items]
        return replace(ObjectList(items).annotations(), maps=maps)


READER = LabelMapReader()
