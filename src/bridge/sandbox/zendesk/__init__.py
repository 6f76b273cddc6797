"""Zendesk Support on loopback: tickets, comments, audits, exports, jobs and webhooks, strict where Zendesk is strict.

What belongs here: Zendesk's own rules, in Zendesk's own words, on state that is plain JSON. What does not: anything
bridge does with Zendesk, and the faults and request log that the sandbox puts around every site.
"""

from bridge.sandbox.zendesk.site import ZendeskSite

__all__ = ["ZendeskSite"]
