"""The cap on money: whether the next request fits, and what to say where it does not."""

from __future__ import annotations

from rsvp_builder.captioning.store import Planned, Spending
from rsvp_builder.captioning.store.purse import cap, nano


def exhausted(spending: Spending, planned: Planned, max_usd: float | None, factor: float = 1.0) -> bool:
    """Whether something waits and its worst case does not fit under the cap.

    What is in flight may free money when it comes back, so a caller that waits for answers asks again
    after each of them.

    Args:
        spending: of the store.
        planned: of the store.
        max_usd: the cap; None for none.
        factor: share of the planned worst case that would be reserved, as in
            :meth:`rsvp_builder.captioning.store.Store.claim`.
    """
    if max_usd is None or planned.next_usd is None:
        return False
    used = nano(spending.usd) + nano(spending.reserved_usd)
    return used + nano(planned.next_usd * factor) > cap(max_usd)


def told(spending: Spending, planned: Planned, max_usd: float) -> str:
    """What a user is told where the budget stops a run."""
    reserved = (
        f" {spending.reserved_usd:.4f} USD are reserved for requests without an answer yet;"
        if spending.reserved_usd
        else ""
    )
    most = 0.0 if planned.next_usd is None else planned.next_usd
    return (
        f"the budget of {max_usd:.2f} USD is used up: {spending.usd:.4f} USD are spent,{reserved} the next"
        f" request may cost {most:.4f} USD. {planned.requests:,} requests wait, for {planned.worst_usd:.2f}"
        " USD at most; run again with a larger --max-usd to send them."
    )
