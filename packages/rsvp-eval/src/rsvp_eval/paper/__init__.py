"""The published tables, as data with their citation, and our rows beside them."""

from rsvp_eval.paper.beside import paper_tables

__all__ = ["paper_tables"]
