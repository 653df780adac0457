"""Rows of data sets made by rsvp-build, as batches."""

from earthmarker.data.collate import Collator
from earthmarker.data.index import RowIndex
from earthmarker.data.rows import Row, RowDataset
from earthmarker.data.sampler import GroupedSampler

__all__ = ["Collator", "GroupedSampler", "Row", "RowDataset", "RowIndex"]
