"""The workflow: which transitions an issue has now, their screens, and carrying one out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.jira.core import Json, api, refusal
from bridge.sandbox.jira.search import JiraSearch
from bridge.sandbox.site import Reply


class JiraTransitions(JiraSearch):
    """`/issue/{issue}/transitions`, on the workflow in `data["transitions"]`."""

    def available(self, issue: Json) -> list[Json]:
        """The transitions that lead from the issue's present status."""
        status = self.data["statuses"][issue["fields"]["status"]]["name"]
        return [one for one in self.data["transitions"] if status in one["from"] or "*" in one["from"]]

    def _target(self, transition: Mapping[str, Any]) -> Json:
        for status in self.data["statuses"].values():
            if status["name"] == transition["to"]:
                return status  # type: ignore[no-any-return]
        raise refusal(400, f"The workflow leads to an unknown status '{transition['to']}'.")

    @api("GET", "/issue/<issue>/transitions")
    def list_transitions(self, request: Request, actor: str, issue: str) -> Json:
        """The transitions available now; with their fields when `expand=transitions.fields`."""
        found = self.find_issue(issue)
        with_fields = "transitions.fields" in request.args.get("expand", "").split(",")
        only = request.args.get("transitionId")
        shown = []
        for one in self.available(found):
            if only and one["id"] != only:
                continue
            entry: Json = {
                "id": one["id"],
                "name": one["name"],
                "to": self.show_choice("status", self._target(one)),
                "hasScreen": bool(one.get("screen")),
                "isGlobal": "*" in one["from"],
                "isInitial": False,
                "isAvailable": True,
                "isConditional": False,
            }
            if with_fields:
                entry["fields"] = {
                    ident: self.field_meta(ident, found["project"], required=required)
                    for ident, required in one.get("screen", {}).items()
                }
            shown.append(entry)
        return {"expand": "transitions", "transitions": shown}

    def field_meta(self, ident: str, project: str, *, required: bool) -> Json:
        """A field as createmeta, editmeta and transition screens describe it; the part with metadata does it."""
        raise NotImplementedError

    @api("POST", "/issue/<issue>/transitions")
    def carry_out(self, request: Request, actor: str, issue: str) -> Reply:
        """Carry out one of the transitions available now. Its id may be a string or a number."""
        found = self.find_issue(issue)
        body = self.read_body(request)
        asked = body.get("transition")
        ident = str(asked.get("id", "")) if isinstance(asked, dict) else ""
        if not ident:
            raise refusal(400, "Missing 'transition' identifier")
        transition = next((one for one in self.available(found) if one["id"] == ident), None)
        if transition is None:
            raise refusal(400, f"It seems that you have tried to perform a workflow operation ({ident}) that is not valid "
                          "for the current state of this issue.")  # fmt: skip
        screen = transition.get("screen", {})
        values, comments = self.read_edit(body, found["project"], found["fields"], lambda field: field in screen)
        missing = {
            field: f"{self.data['fields'][field]['name']} is required."
            for field, required in screen.items()
            if required and not values.get(field, found["fields"].get(field))
        }
        if missing:
            raise refusal(400, **missing)
        self._move(found, transition, values, actor)
        for comment in comments:
            self.write_comment(found, comment, actor)
        return Reply(204)

    def _move(self, issue: Json, transition: Json, values: Json, actor: str) -> None:
        target = self._target(transition)
        before = self.data["statuses"][issue["fields"]["status"]]
        after: dict[str, Any] = {**values, "status": target["id"]}
        was_done = before["statusCategory"]["key"] == "done"
        if was_done and target["statusCategory"]["key"] != "done":
            after["resolution"] = None
        items = self.apply(issue, after, actor)
        self.announce("jira:issue_updated", issue, actor=actor, items=items)
