"""What a promise is about: which fact begins its clock, which act ends it, and what it waits for by default."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Event(StrEnum):
    """What begins or ends a clock.

    handed_over: the case became the vendor's; first_response: the vendor first answered; customer_message: the oldest
    public message of the customer that is not answered yet; vendor_reply: a person at the vendor wrote to the customer;
    cause, workaround, delivered: the vendor told one; resolved: the vendor set the case resolved or closed it; asked,
    answered: the customer was asked for a yes and gave an answer; confirmed: the customer said that it works, or not.
    """

    HANDED_OVER = "handed_over"
    FIRST_RESPONSE = "first_response"
    CUSTOMER_MESSAGE = "customer_message"
    VENDOR_REPLY = "vendor_reply"
    CAUSE = "cause"
    WORKAROUND = "workaround"
    DELIVERED = "delivered"
    RESOLVED = "resolved"
    ASKED = "asked"
    ANSWERED = "answered"
    CONFIRMED = "confirmed"


class Wait(StrEnum):
    """What a case waits for. A contract's `pauses` names those that stop a clock; never the vendor's own."""

    CUSTOMER = "waiting_customer"
    AUTHORISATION = "waiting_authorisation"
    THIRD_PARTY = "waiting_third_party"
    INTERNAL = "waiting_internal"


THEIRS = (Wait.CUSTOMER, Wait.AUTHORISATION)


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Metric(BaseModel):
    """A kind of promise. It `starts` with an event and stops with the first of `stops`; with `again` a new cycle starts
    wherever the last one stopped, as long as the case is open. `pauses` is what holds it where the contract says nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    starts: Event = Event.HANDED_OVER
    stops: Annotated[tuple[Event, ...], BeforeValidator(_listed)]
    again: bool = False
    pauses: tuple[Wait, ...] = ()


FIRST_RESPONSE = "first_response"

BUILT_IN: dict[str, Metric] = {
    FIRST_RESPONSE: Metric(stops=(Event.VENDOR_REPLY,)),
    "next_response": Metric(starts=Event.CUSTOMER_MESSAGE, stops=(Event.VENDOR_REPLY, Event.RESOLVED)),
    "next_update": Metric(
        starts=Event.FIRST_RESPONSE, stops=(Event.VENDOR_REPLY, Event.RESOLVED), again=True, pauses=THEIRS
    ),
    "diagnosis": Metric(stops=(Event.CAUSE, Event.RESOLVED), pauses=THEIRS),
    "workaround": Metric(stops=(Event.WORKAROUND, Event.RESOLVED), pauses=THEIRS),
    "resolution": Metric(stops=(Event.RESOLVED,), pauses=(*THEIRS, Wait.THIRD_PARTY)),
}
"""The vendor's promises that every contract may make; `metrics:` adds others."""

CUSTOMERS: dict[str, Metric] = {
    "authorisation": Metric(starts=Event.ASKED, stops=(Event.ANSWERED,)),
    "confirmation": Metric(starts=Event.RESOLVED, stops=(Event.CONFIRMED,)),
}
"""The customer's own duties. Their clocks are never the vendor's breach."""
