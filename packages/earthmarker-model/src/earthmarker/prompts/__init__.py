"""Visual prompts: marks on an image, drawn as an image of their own."""

from earthmarker.prompts.citations import check_citations
from earthmarker.prompts.draw import PromptStyle, draw_prompt, style_of
from earthmarker.prompts.letterbox import Letterbox
from earthmarker.prompts.marks import Box, Mark, MarkError, Mask, Point, Polygon, check_marks, looks_like_xywh

__all__ = [
    "Box",
    "Letterbox",
    "Mark",
    "MarkError",
    "Mask",
    "Point",
    "Polygon",
    "PromptStyle",
    "check_citations",
    "check_marks",
    "draw_prompt",
    "looks_like_xywh",
    "style_of",
]
