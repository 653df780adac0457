"""What a model's answer says about which mark."""

from rsvp_eval.answers.cited import Cited, cited, strip_marks
from rsvp_eval.answers.parse import Parsed, in_order, joined, parse, render

__all__ = ["Cited", "Parsed", "cited", "in_order", "joined", "parse", "render", "strip_marks"]
