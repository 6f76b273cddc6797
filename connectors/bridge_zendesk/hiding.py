"""Taking back a comment that stands: made private, or its words blacked out for ever.

Zendesk lets nobody change or delete a comment. A public one can be made private (any agent may). Its words can be
redacted through the Agent Workspace's redaction, which also reaches formatted text and closed tickets; the older way
(`…/redact`) takes one plain string a request and promises little for formatted text, so it is not used.
https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/
"""

from __future__ import annotations

from bs4 import BeautifulSoup

from bridge.errors import MissingError, PermanentError, RefusedError
from bridge.model.operation import Hiding, Written
from bridge.model.ticket import TicketRef
from bridge_zendesk.client import Client, Json
from bridge_zendesk.text import BLACK

_TELLING = ("a", "img")
"""Elements that say something by their address; `redact` as an attribute takes it away."""


class Hider:
    """Answers `hide_comment`. Each call sends at most one writing request."""

    def __init__(self, site: str, client: Client) -> None:
        self._site = site
        self._client = client

    def hide(self, ref: TicketRef, comment_id: str, how: Hiding) -> Written:
        """Make a comment private, or redact all of it. Of files beside it nothing is taken away.

        Raises MissingError, and PermanentError where the account may not redact.
        """
        if how is Hiding.INTERNAL:
            path = f"tickets/{ref.id}/comments/{comment_id}/make_private.json"
            self._client.send("PUT", path, "ticket", {}, ticket=ref.id)
        else:
            self._redact(ref, comment_id)
        return Written(ref, comment_id=comment_id)

    def _redact(self, ref: TicketRef, comment_id: str) -> None:
        marked = mark_for_redaction(self._read(ref, comment_id)["html_body"])
        if marked is None:
            return
        try:
            path = f"comment_redactions/{comment_id}.json"
            body: Json = {"ticket_id": int(ref.id), "html_body": marked}
            self._client.send("PUT", path, "ticket", body, ticket=ref.id)
        except (RefusedError, MissingError) as error:
            # The comment was there a moment ago: what is missing is the right, or the Agent Workspace.
            said = (
                f"{self._site} does not let bridge redact comment {comment_id} of ticket {ref.id}: switch on the Agent "
                "Workspace, and let agents delete tickets"
            )
            raise PermanentError(said, site=self._site, status=error.status, detail=error.detail) from error

    def _read(self, ref: TicketRef, comment_id: str) -> Json:
        path = f"tickets/{ref.id}/comments.json"
        for page in self._client.pages(path, "comments", holds="comments", ticket=ref.id, sort="-created_at"):
            for comment in page["comments"]:
                if str(comment["id"]) == comment_id:
                    found: Json = comment
                    return found
        raise MissingError(f"{self._site}: ticket {ref.id} has no comment {comment_id}", site=self._site, status=404)


def mark_for_redaction(html: str) -> str | None:
    """The HTML with everything that says something marked for redaction; None when nothing is left to take away."""
    soup = BeautifulSoup(html, "html.parser")
    words = [part for part in soup.find_all(string=True) if part.strip(f"{BLACK} \t\r\n\xa0")]
    telling = soup.find_all(_TELLING)
    for part in words:
        part.wrap(soup.new_tag("redact"))
    for element in telling:
        element["redact"] = ""
    return str(soup) if words or telling else None
