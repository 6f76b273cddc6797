"""What every simulated site is: routes, an account behind each request, and state that is plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, ClassVar, TypeVar

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule
from werkzeug.wrappers import Request

if TYPE_CHECKING:
    from bridge.sandbox.world import World


@dataclass(slots=True)
class Reply:
    """An answer: `body` is JSON data, bytes, the path of a file, or None for an empty body."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An answer that ends handling at once, in the vendor's own words. Nothing the handler did before is kept back:
    check first, change after."""

    def __init__(self, status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.reply = Reply(status, body, dict(headers or {}))


CONTENT_HOST, CONTENT = "localhost", "/content/"
"""Where the sandbox's content hosts are: not the host its sites are served at."""

Handler = TypeVar("Handler", bound=Callable[..., Any])


def body_of(request: Request) -> IO[bytes]:
    """A request's body as a stream from its beginning, whoever looked at it before."""
    stream: IO[bytes] = request.environ["wsgi.input"]
    stream.seek(0)
    return stream


def route(method: str, path: str, *, reads: bool | None = None) -> Callable[[Handler], Handler]:
    """Mark a site's method as the handler of `method path` (werkzeug rule syntax: `/api/v2/tickets/<int:ticket_id>`).

    `reads` says whether the request only reads; the default follows the method (a search by POST says True). The
    handler takes (request, actor, **path arguments) and returns a `Reply` or plain JSON data (status 200).
    """

    def mark(handler: Handler) -> Handler:
        marks = handler.__dict__.setdefault("routes", [])
        marks.append((method, path, method in ("GET", "HEAD") if reads is None else reads))
        return handler

    return mark


class Site:
    """One simulated account at a vendor. Handlers run under the world's lock, one request at a time.

    A subclass sets `kind` (as in `--site NAME=KIND`) and `api` (`zendesk`, `jira`, `github`), keeps everything in
    `self.data` (plain JSON) and marks its handlers with `route`.
    """

    kind: ClassVar[str]
    api: ClassVar[str]

    def __init__(self, name: str, world: World, **settings: Any) -> None:
        self.name = name
        self.world = world
        self.settings = settings
        self.url = ""
        """The address it is served at, without a trailing slash; set by the server before the first request."""
        self.data: dict[str, Any] = {}
        self.reset()
        self._map, self._reads = self._routes()

    def reset(self) -> None:
        """Put `self.data` into its first state: an account with users and metadata, no tickets."""
        raise NotImplementedError

    def authenticate(self, request: Request) -> Any:
        """The account behind a request. Raises Refusal(401, …)."""
        raise NotImplementedError

    def limit(self, request: Request, actor: Any) -> dict[str, str]:
        """Count a request against the site's limits: the headers to add. Raises Refusal(429, …)."""
        return {}

    def not_found(self) -> Reply:
        """The vendor's answer to a path it does not know."""
        return Reply(404, {"error": "not found"})

    def malformed(self, reason: str) -> Reply:
        """The vendor's answer to a body that cannot be read."""
        return Reply(400, {"error": reason})

    def actor_name(self, actor: Any) -> str:
        """What the request log calls the account behind a request."""
        if isinstance(actor, Mapping):
            for key in ("login", "email", "emailAddress", "name", "displayName", "accountId", "id"):
                if actor.get(key):
                    return str(actor[key])
            return ""
        return "" if actor is None else str(actor)

    def only_reads(self, request: Request) -> bool:
        """Whether a request would only read, without handling it."""
        try:
            name, _ = self._map.bind("sandbox").match(request.path, method=request.method)
        except HTTPException:
            return request.method in ("GET", "HEAD")
        return self._reads[name, request.method]

    def content(self, request: Request) -> Reply:
        """What the vendor's content host answers: another host, which knows signed addresses and no logins."""
        return self.not_found()

    def content_url(self, path: str) -> str:
        """An address at the content host, which is the same port under another name."""
        return f"{self.url.replace('127.0.0.1', CONTENT_HOST)}{CONTENT}{path}"

    def handle(self, request: Request) -> tuple[Reply, bool]:
        """Answer one request: the reply, and whether it was a request that only reads."""
        if request.path.startswith(CONTENT) and request.host.partition(":")[0] == CONTENT_HOST:
            if "Authorization" in request.headers:
                return Reply(400, b"Only one way to sign in is allowed.", {"Content-Type": "text/plain"}), True
            return self.content(request), True
        adapter = self._map.bind("sandbox", path_info=request.path)
        try:
            handler_name, arguments = adapter.match(request.path, method=request.method)
        except RequestRedirect:
            return self.not_found(), True
        except MethodNotAllowed:
            return Reply(405, {"error": "method not allowed"}), request.method in ("GET", "HEAD")
        except NotFound:
            return self.not_found(), request.method in ("GET", "HEAD")
        reads = self._reads[handler_name, request.method]
        headers: dict[str, str] = {}
        try:
            actor = self.authenticate(request)
            request.environ["sandbox.actor"] = self.actor_name(actor)
            headers = self.limit(request, actor)
            answer = getattr(self, handler_name)(request, actor, **arguments)
            reply = answer if isinstance(answer, Reply) else Reply(200, answer)
        except Refusal as refusal:
            reply = refusal.reply
        except HTTPException as refusal:
            reply = self.malformed(refusal.description or refusal.name)
        reply.headers = {**headers, **reply.headers}
        return reply, reads

    def _routes(self) -> tuple[Map, dict[tuple[str, str], bool]]:
        rules, reads = [], {}
        for name in dir(type(self)):
            for method, path, only_reads in getattr(getattr(type(self), name), "routes", ()):
                rules.append(Rule(path, methods=[method], endpoint=name))
                reads[name, method] = only_reads
                if method == "GET":
                    reads[name, "HEAD"] = only_reads
        return Map(rules, strict_slashes=False, merge_slashes=False), reads
