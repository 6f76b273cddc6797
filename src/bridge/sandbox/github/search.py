"""The search for issues, with the few qualifiers a ticket bridge has use for; anything else is refused, not ignored."""

from __future__ import annotations

import shlex
from datetime import timedelta

from werkzeug.wrappers import Request

from bridge.sandbox.github.account import Data
from bridge.sandbox.github.pages import one_page, stamp
from bridge.sandbox.github.people import People
from bridge.sandbox.github.refusals import invalid
from bridge.sandbox.site import Reply, route


class Search(People):
    """The route of the search."""

    @route("GET", "/search/issues")
    def search_issues(self, request: Request, actor: Data) -> Reply:
        """GET issues by `repo:`, `is:`, `label:`, `author:`, `in:` and words; newest first."""
        qualifiers, words = self._parse(request.args.get("q", ""))
        within = qualifiers.get("in", ["title", "body"])
        # An index is behind: what changed since is not found yet.
        known = stamp(self.world.now() - timedelta(seconds=float(self.settings.get("search_lag_s", 0))))
        found = []
        for repository in self.data["repositories"].values():
            if self.role(repository, actor["login"]) == "none":
                continue
            found += [
                {**self.issue_json(repository, issue), "score": 1.0}
                for issue in repository["issues"].values()
                if issue["updated_at"] <= known and self._fits(repository, issue, qualifiers, words, within)
            ]
        found.sort(key=lambda row: (row["created_at"], row["id"]), reverse=True)
        rows, headers = one_page(request, self.url, found)
        body = {"total_count": len(found), "incomplete_results": False, "search_type": "lexical", "items": rows}
        return Reply(200, body, headers)

    def _parse(self, query: str) -> tuple[dict[str, list[str]], list[str]]:
        if not query.strip():
            raise invalid("Search", "q", "missing_field")
        qualifiers: dict[str, list[str]] = {}
        words = []
        for part in shlex.split(query):
            name, colon, value = part.partition(":")
            if not colon:
                words.append(part.lower())
            elif name in ("repo", "is", "label", "author", "in") and value:
                qualifiers.setdefault(name, []).append(value)
            else:
                raise invalid("Search", "q", message=f"The sandbox does not know the qualifier {name!r}.")
        return qualifiers, words

    def _fits(
        self, repository: Data, issue: Data, qualifiers: dict[str, list[str]], words: list[str], within: list[str]
    ) -> bool:
        kinds = {"issue": not issue["pull_request"], "pr": issue["pull_request"]}
        shown = " ".join(str(issue[name] or "") for name in within if name in ("title", "body")).lower()
        return (
            all(repository["full_name"].lower() == name.lower() for name in qualifiers.get("repo", ()))
            and all(kinds.get(name, issue["state"] == name) for name in qualifiers.get("is", ()))
            and all(name.lower() in issue["labels"] for name in qualifiers.get("label", ()))
            and all(issue["user"].lower() == name.lower() for name in qualifiers.get("author", ()))
            and all(word in shown for word in words)
        )
