"""Changing an issue's fields: `fields` and `update` of create, edit and transition, checked first and applied after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bridge.sandbox.jira.core import Json, refusal
from bridge.sandbox.jira.fields import FieldProblem, JiraFields, check_label


class JiraEdits(JiraFields):
    """Turns a request's `fields` and `update` into stored values, and stored values into history."""

    def read_edit(
        self, body: Mapping[str, Any], project: str, before: Mapping[str, Any], allowed: Callable[[str], bool]
    ) -> tuple[Json, list[Json]]:
        """What a request's `fields` and `update` ask for: stored values by field id, and comments to add.

        `allowed` says which fields this screen takes. Raises Refusal(400) naming every field in the wrong.
        """
        values: Json = {}
        comments: list[Json] = []
        problems: dict[str, str] = {}
        fields, update = body.get("fields") or {}, body.get("update") or {}
        if not isinstance(fields, dict) or not isinstance(update, dict):
            raise refusal(400, "Invalid request payload. Refer to the REST API documentation and try again.")
        for ident in sorted(set(fields) & set(update)):
            problems[ident] = f"Field '{ident}' cannot appear in both 'fields' and 'update'"
        for ident, value in fields.items():
            self._collect(ident, lambda i=ident, v=value: self.store_value(i, v, project), allowed, values, problems)  # type: ignore[misc]
        for ident, steps in update.items():
            if ident == "comment":
                comments.extend(self._added_comments(steps))
                continue
            self._collect(
                ident,
                lambda i=ident, s=steps: self._stepped(i, s, project, before.get(i)),  # type: ignore[misc]
                allowed,
                values,
                problems,
            )
        if problems:
            raise refusal(400, **problems)
        return values, comments

    def _collect(
        self,
        ident: str,
        read: Callable[[], Any],
        allowed: Callable[[str], bool],
        values: Json,
        problems: dict[str, str],
    ) -> None:
        if not allowed(ident):
            problems[ident] = f"Field '{ident}' cannot be set. It is not on the appropriate screen, or unknown."
            return
        try:
            values[ident] = read()
        except FieldProblem as problem:
            problems[ident] = str(problem)

    def _added_comments(self, steps: Any) -> list[Json]:
        if not isinstance(steps, list):
            raise refusal(400, comment="Operation value must be an array")
        return [step["add"] for step in steps if isinstance(step, dict) and isinstance(step.get("add"), dict)]

    def _stepped(self, ident: str, steps: Any, project: str, before: Any) -> Any:
        if not isinstance(steps, list) or not all(isinstance(step, dict) and len(step) == 1 for step in steps):
            raise FieldProblem("Operation value must be an array of operations")
        kind = self.data["fields"][ident]["kind"]
        value = before
        for step in steps:
            (verb, operand), *_ = step.items()
            if verb == "set" or (verb == "edit" and kind in ("line", "text")):
                value = self.store_value(ident, operand, project)
            elif verb in ("add", "remove") and kind in ("labels", "versions"):
                value = self._one_more(kind, verb, operand, project, list(value or ()))
            else:
                raise FieldProblem(f"Field '{ident}' does not support operation '{verb}'.")
        return value

    def _one_more(self, kind: str, verb: str, operand: Any, project: str, value: list[str]) -> list[str]:
        if kind == "labels":
            check_label(operand)
            entry = operand
        else:
            entry = self.store_version(operand, project)
        kept = [other for other in value if other != entry]
        if verb == "add":
            kept.append(entry)
        return sorted(kept) if kind == "labels" else kept

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Json]:
        """The history items of going from some stored values to others; lists of versions change one at a time."""
        items: list[Json] = []
        for ident, new in after.items():
            old = before.get(ident)
            if (old or None) == (new or None):
                continue
            field = self.data["fields"][ident]
            if field["kind"] == "versions":
                items.extend(self._version_items(field, old or [], new or []))
                continue
            raw_old, words_old = self.history_words(ident, old)
            raw_new, words_new = self.history_words(ident, new)
            items.append(_item(field, raw_old, words_old, raw_new, words_new))
        return items

    def _version_items(self, field: Json, old: list[str], new: list[str]) -> list[Json]:
        versions = self.data["versions"]
        gone = [_item(field, one, versions[one]["name"], None, None) for one in old if one not in new]
        came = [_item(field, None, None, one, versions[one]["name"]) for one in new if one not in old]
        return gone + came

    def apply(self, issue: Json, values: Mapping[str, Any], actor: str) -> list[Json]:
        """Set stored values and write the history; the history items. `updated` moves even when nothing differs, as
        Jira's does."""
        items = self.changes(issue["fields"], values)
        issue["fields"].update(values)
        if "resolution" in values:
            issue["resolved"] = self.stamp() if values["resolution"] else None
        self.record(issue, actor, items)
        return items


def _item(field: Json, raw_old: Any, old: Any, raw_new: Any, new: Any) -> Json:
    name = {"fixVersions": "Fix Version", "versions": "Version"}.get(field["id"], field["id"])
    return {
        "field": field["name"] if field["custom"] else name,
        "fieldtype": "custom" if field["custom"] else "jira",
        "fieldId": field["id"],
        "from": raw_old,
        "fromString": old,
        "to": raw_new,
        "toString": new,
    }
