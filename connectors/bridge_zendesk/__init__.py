"""The connector to Zendesk Support, registered as `zendesk`.

What belongs here: how Zendesk is asked and told things, and its answers in canonical words. What does not: which tickets
matter, what their values mean, when to try again; the engine and the mapping decide those.
"""

from bridge_zendesk.connector import ZendeskKind

KIND = ZendeskKind()

__all__ = ["KIND"]
