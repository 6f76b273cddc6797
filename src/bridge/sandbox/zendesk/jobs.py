"""Jobs: many creates, many updates and merges, done after the answer, reported item by item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.site import Refusal
from bridge.sandbox.zendesk.account import api, invalid, read_ids
from bridge.sandbox.zendesk.record import VIA_WEB
from bridge.sandbox.zendesk.state import Json
from bridge.sandbox.zendesk.threads import Threads

MOST_ITEMS = 100
MOST_JOBS = 30


class Jobs(Threads):
    """Handlers that answer with a job status."""

    def _job(self, total: int, act: Callable[[], list[Json]]) -> Json:
        waiting = [job for job in self.data["jobs"].values() if job["status"] in ("queued", "working")]
        if len(waiting) >= MOST_JOBS:
            raise Refusal(
                429,
                {"error": "TooManyJobs", "description": "Too many jobs are currently queued or running."},
                {"Retry-After": "5"},
            )
        ident = f"V3-{self.world.random.getrandbits(128):032x}"
        job: Json = {
            "id": ident,
            "url": f"{self.url}/api/v2/job_statuses/{ident}.json",
            "total": total,
            "progress": None,
            "status": "queued",
            "message": None,
            "results": None,
        }
        self.data["jobs"][ident] = job

        def work() -> None:
            results = act()
            message = f"Completed at {self.world.now():%Y-%m-%d %H:%M:%S +0000}"
            job.update(status="completed", progress=total, message=message, results=results)

        self.world.later(float(self.settings.get("job_s", 0)), work)
        return {"job_status": dict(job)}

    @api("GET", "/job_statuses/<job_id>")
    def get_job(self, request: Request, actor: Json, job_id: str) -> Any:
        return {"job_status": self.record("jobs", job_id.removesuffix(".json"))}

    @api("POST", "/tickets/create_many")
    def create_many(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        items = _read_items(request)

        def act() -> list[Json]:
            return [self._made(index, item, actor) for index, item in enumerate(items)]

        return self._job(len(items), act)

    def _made(self, index: int, item: Json, actor: Json) -> Json:
        try:
            audit = self.create(item, actor)
        except Refusal as refusal:
            return {"index": index, "error": "TicketCreateFailed", "details": _details(refusal)}
        return {"index": index, "id": audit["ticket_id"], "account_id": 1}

    @api("PUT", "/tickets/update_many")
    def update_many(self, request: Request, actor: Json) -> Any:
        self.need_staff(actor)
        if "ids" in request.args:
            change = self.read_body(request, "ticket")
            items = [{**change, "id": ident} for ident in read_ids(request)]
        else:
            items = _read_items(request)
        return self._job(len(items), lambda: [self._changed(item, actor) for item in items])

    def _changed(self, item: Json, actor: Json) -> Json:
        ident = int(item["id"])
        try:
            self.write(self.ticket(ident), {key: value for key, value in item.items() if key != "id"}, actor)
        except Refusal as refusal:
            failure = {"error": "TicketUpdateFailed", "details": _details(refusal)}
            return {"id": ident, "action": "update", "success": False, "status": "Failed", **failure}
        return {"id": ident, "action": "update", "success": True, "status": "Updated"}

    @api("POST", "/tickets/<int:ticket_id>/merge")
    def merge(self, request: Request, actor: Json, ticket_id: int) -> Any:
        """Close the given tickets into this one. The sources get the tag `closed_by_merge`."""
        self.need_staff(actor)
        target = self.ticket(ticket_id)
        asked = request.get_json()
        idents = [int(ident) for ident in asked.get("ids") or ()]
        if not idents or ticket_id in idents:
            raise Refusal(400, {"error": "RequiredParameterMissing", "description": "ids is required"})
        sources = [self.ticket(ident) for ident in idents]
        for ticket in (target, *sources):
            if ticket["status"] == "closed":
                raise invalid(base=f"Merge: ticket #{ticket['id']} is closed")
        return self._job(len(sources), lambda: self._merged(target, sources, asked, actor))

    def _merged(self, target: Json, sources: list[Json], asked: Json, actor: Json) -> list[Json]:
        numbers = ", ".join(f"#{ticket['id']}" for ticket in sources)
        words = asked.get("target_comment") or f"Requests {numbers} were closed and merged into this request."
        public = bool(asked.get("target_comment_is_public", False))
        via = {**VIA_WEB, "source": {"from": {"ticket_id": sources[0]["id"]}, "to": {}, "rel": "merge"}}
        self.write(target, {"comment": {"body": words, "public": public}}, actor, via=via)
        for ticket in sources:
            words = asked.get("source_comment") or f"This request was closed and merged into request #{target['id']}."
            change: Json = {
                "status": "closed",
                "additional_tags": ["closed_by_merge"],
                "comment": {"body": words, "public": bool(asked.get("source_comment_is_public", False))},
            }
            via = {**VIA_WEB, "source": {"from": {}, "to": {"ticket_id": target["id"]}, "rel": "merge"}}
            self.write(ticket, change, actor, via=via)
        return [{"id": target["id"], "action": "merge", "success": True, "status": "Merged"}]


def _read_items(request: Request) -> list[Json]:
    body = request.get_json()
    items = body.get("tickets") if isinstance(body, dict) else None
    if not isinstance(items, list) or not items:
        raise Refusal(400, {"error": "RequiredParameterMissing", "description": "Parameter tickets is required"})
    if len(items) > MOST_ITEMS:
        raise Refusal(
            400,
            {
                "error": "TooManyValues",
                "description": f"Parameter tickets cannot specify more than {MOST_ITEMS} values",
                "max_count": MOST_ITEMS,
            },
        )
    return items


def _details(refusal: Refusal) -> str:
    body = refusal.reply.body or {}
    details = body.get("details") or {}
    return "; ".join(row["description"] for rows in details.values() for row in rows) or body.get("description", "")
