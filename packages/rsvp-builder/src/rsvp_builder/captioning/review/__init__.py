"""People look at answers: a page that shows them, and the verdict file that comes back from it."""

from rsvp_builder.captioning.review.page import Reviewed, Selected, write_page
from rsvp_builder.captioning.review.verdicts import Taken, take_verdicts

__all__ = ["Reviewed", "Selected", "Taken", "take_verdicts", "write_page"]
