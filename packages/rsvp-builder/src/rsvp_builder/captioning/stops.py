"""What a user is told where a run is stopped because of its endpoint."""

from __future__ import annotations

from rsvp_builder.captioning.client import EndpointError
from rsvp_builder.captioning.exchange import Exchange
from rsvp_builder.errors import RsvpError

_KEPT = "Nothing is lost: what has no answer waits in the store, and the same command goes on from there."


def hopeless(address: str, exchange: Exchange) -> EndpointError:
    """Key, quota, model or address: every request would end like this one."""
    match exchange.told[:3]:
        case "401" | "403":
            hint = "Check the key in OPENAI_API_KEY or the key file, and what it may be used for."
        case "402" | "429":
            hint = "The account has no money or quota left."
        case "404" | "405":
            hint = "Check the model's name, and the address, which usually ends in /v1."
        case _:
            hint = "Every request would be turned down like this; check the model's parameters."
    return EndpointError(f"{address}: {exchange.told} {hint} {_KEPT}")


def long_pause(address: str, exchange: Exchange, pause: float, most: float) -> EndpointError:
    """The endpoint asks to wait longer than anybody wants to."""
    return EndpointError(
        f"{address}: {exchange.told} It asks to wait {pause:,.0f} s, and at most {most:,.0f} s are waited."
        f" {_KEPT}"
    )


def no_answer(address: str, exchange: Exchange, tries: int) -> EndpointError:
    """The endpoint did not answer a single request for some time."""
    return EndpointError(
        f"{address}: {exchange.told} It was tried {tries} times with growing pauses and answered nothing."
        f" {_KEPT}"
    )


def barren(rows: int, told: str) -> RsvpError:
    """One row after the other could not be asked."""
    return RsvpError(
        f"{rows} rows one after the other could not be asked, the last one because of this: {told} The run"
        " was stopped before all fail. Mend what they have in common, put the failed ones back and go on."
    )
