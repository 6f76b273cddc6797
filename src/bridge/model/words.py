"""The closed vocabularies. Each value is also its spelling in YAML, in the ledger and in logs."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """One end of a route. Both may write."""

    HELPDESK = "helpdesk"
    TRACKER = "tracker"

    @property
    def other(self) -> Side:
        """The opposite end."""
        return Side.TRACKER if self is Side.HELPDESK else Side.HELPDESK


class HeldBy(StrEnum):
    """Whose account a site is. It decides who reads an internal note there."""

    CUSTOMER = "customer"
    VENDOR = "vendor"


class Party(StrEnum):
    """Who acted. An agent of a customer-held helpdesk is the customer's."""

    CUSTOMER = "customer"
    VENDOR = "vendor"
    BRIDGE = "bridge"


class Audience(StrEnum):
    """Who may read a text, from the widest circle to the narrowest. Unknown means `vendor`."""

    CUSTOMER_USER = "customer_user"
    CUSTOMER_TEAM = "customer_team"
    VENDOR = "vendor"


class Mode(StrEnum):
    """How far a route goes: look only, keep text from the customer, or everything."""

    OBSERVE = "observe"
    INTERNAL = "internal"
    LIVE = "live"


class Visibility(StrEnum):
    """A vendor's own flag on a comment. Rules speak of audiences, never of this.

    PUBLIC: whoever may see the ticket at that site. INTERNAL: only that site's staff. RESTRICTED: a named group or
    role of that site, so never mirrored anywhere.
    """

    PUBLIC = "public"
    INTERNAL = "internal"
    RESTRICTED = "restricted"


class Severity(StrEnum):
    """What the contract promises. Most severe first."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    TRIVIAL = "trivial"


class Priority(StrEnum):
    """How engineers order their work. Never derived from severity."""

    HIGHEST = "highest"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    LOWEST = "lowest"


class State(StrEnum):
    """Where a case stands, as both sides can be told."""

    REGISTERED = "registered"
    TRIAGED = "triaged"
    IN_PROGRESS = "in_progress"
    WAITING_CUSTOMER = "waiting_customer"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Direction(StrEnum):
    """Which way a field flows. `case`: only the support workflow moves it."""

    BOTH = "both"
    TO_TRACKER = "to_tracker"
    TO_HELPDESK = "to_helpdesk"
    CASE = "case"


class OnConflict(StrEnum):
    """Whose value stands when both sides changed a two-way field."""

    HELPDESK = "helpdesk"
    TRACKER = "tracker"
    NEWEST = "newest"
    HOLD = "hold"


class Drift(StrEnum):
    """What an edit on the receiving side of a one-way field leads to."""

    KEEP = "keep"
    RESTORE = "restore"


class Reduce(StrEnum):
    """How the values of several tickets on one issue become the issue's: the most or least severe, that of the first
    ticket, or (lists of labels) all of them together."""

    HIGHEST = "highest"
    LOWEST = "lowest"
    LEAD = "lead"
    UNION = "union"


class FollowUp(StrEnum):
    """What a ticket that follows a closed one does at the tracker."""

    REOPEN = "reopen"
    NEW = "new"


SEVERITY = "severity"
PRIORITY = "priority"
STATE = "state"
SUMMARY = "summary"
DESCRIPTION = "description"
LABELS = "labels"
ASSIGNEE = "assignee"
REPORTER = "reporter"
DUE = "due"

PEOPLE_FIELDS = frozenset({ASSIGNEE, REPORTER})
"""Fields whose values are people of the config. That a site knows one of them not, or not any more, is no failure: the
side stays as it is."""

CANONICAL_FIELDS = (SUMMARY, DESCRIPTION, SEVERITY, PRIORITY, STATE, LABELS, ASSIGNEE, REPORTER, DUE)
"""The canonical fields of every ticket, in the order people read them. Custom ones are added by name."""

WORDLESS_FIELDS = frozenset({SEVERITY, PRIORITY, STATE, ASSIGNEE, REPORTER, DUE})
"""Fields with a closed vocabulary (people are those of the config), and days. Every other one carries words, which never
reach a customer in `internal` mode."""
