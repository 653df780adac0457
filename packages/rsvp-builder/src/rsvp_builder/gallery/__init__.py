"""A finished data set as one HTML page that opens from disk, for people to look at.

The data flow along a line: :mod:`sample` chooses rows from their light columns, :mod:`shards` reads
those rows and one image a card, :mod:`picture` makes the image small, :mod:`marks` and :mod:`talk`
turn a row into what is drawn and said, :mod:`page` renders it.
"""

from rsvp_builder.gallery.gallery import GallerySummary, write_gallery

__all__ = ["GallerySummary", "write_gallery"]
