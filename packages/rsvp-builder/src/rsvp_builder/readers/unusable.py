"""Something in an annotation file that cannot be used, on its way from where it is found to the ledger."""

from __future__ import annotations

from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.readers.texts import shown
from rsvp_builder.record import Item


class UnusableError(Exception):
    """What cannot be used.

    Attributes:
        reason: the ledger's reason.
        value: what was read.
        expected: what was expected.
    """

    def __init__(self, reason: Reason, value: str, expected: str) -> None:
        super().__init__(f"{value}, expected {expected}")
        self.reason = reason
        self.value = value
        self.expected = expected

    def of_object(self, item: Item, line: int) -> Drop:
        """The drop of an object of an image."""
        value = shown(self.value)
        return Drop("object", self.reason, item.image_id, item.label or "", line, value, self.expected)

    def of_image(self, item: Item, file: str) -> Drop:
        """The drop of the image itself, for a file about it."""
        return Drop("image", self.reason, item.image_id, file, None, shown(self.value), self.expected)
