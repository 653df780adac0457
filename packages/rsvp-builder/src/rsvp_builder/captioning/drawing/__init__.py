"""Set-of-Marks drawing: the marks of a row on its picture, each with its number.

After Yang et al., Set-of-Mark Prompting (arXiv:2310.11441), and microsoft/SoM: larger marks first, a number
where its mark is thickest. Beyond it, what earlier marks and numbers cover is taken out before a place is
looked for, and a mark smaller than its number has it outside, on a line.
"""

from rsvp_builder.captioning.drawing.draw import draw
from rsvp_builder.captioning.drawing.palette import colour_of
from rsvp_builder.captioning.drawing.settings import DrawingSettings

__all__ = ["DrawingSettings", "colour_of", "draw"]
