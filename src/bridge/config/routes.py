"""Routes put together: sites, mappings laid over what they extend, policies, and the proof that they fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from bridge.config.contract import ContractFiles
from bridge.config.packs import names_pack, pack_names, pack_path
from bridge.config.people import known_roles, people_at
from bridge.config.reading import read_yaml
from bridge.config.shape import EVERY, BeginConfig, Config, HelpdeskConfig, RouteConfig, SideConfig
from bridge.errors import Place
from bridge.mapping.check import check_people, check_roles, check_routes_fields, check_side
from bridge.mapping.compile import compile_side
from bridge.mapping.condition import Condition, compile_condition
from bridge.mapping.defaults import RouteWishes, compile_policies
from bridge.mapping.examples import run_examples
from bridge.mapping.lens import normal_form
from bridge.mapping.opening import Opening, compile_opening
from bridge.mapping.overlay import lay_over
from bridge.mapping.side import SideMapping
from bridge.mapping.source import Item, Problems, did_you_mean
from bridge.model.brake import BrakeLimits
from bridge.model.policy import FieldPolicy, SharedPolicy, wrong_rule
from bridge.model.words import CANONICAL_FIELDS, WORDLESS_FIELDS, Direction, FollowUp, HeldBy, Mode, OnConflict, Side
from bridge.sla.terms import Timeline

Word = TypeVar("Word")
SHOWN_IN = ("issue_key_field", "issue_url_field")


@dataclass(frozen=True, slots=True)
class SidePlan:
    """One end of a compiled route. `scope` is in the connector's words; `open_when` None takes every ticket in scope of a
    helpdesk, and none of a tracker, where it says which issues begin a case with the ticket that `opening` describes."""

    side: Side
    site: str
    held_by: HeldBy
    scope: Mapping[str, str]
    mapping: SideMapping
    open_when: Condition | None
    opening: Opening | None = None
    shown_in: Mapping[str, tuple[str, Place]] = field(default_factory=dict)
    """Native fields that no rule mentions, where bridge shows the issue: by `issue_key` and `issue_url`, and where said."""

    def native_fields(self) -> frozenset[str]:
        """Every native field a rule of this side mentions, `open_when` included, and those that bridge alone writes."""
        natives = self.mapping.native_fields() | (self.open_when.natives if self.open_when else frozenset())
        return (
            natives
            | (self.opening.natives if self.opening else frozenset())
            | {name for name, _place in self.shown_in.values()}
        )


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """A route, ready to run. `policies` holds the fields both sides map, in the order people read them; `undo_s` is in
    seconds; `contract` the versions of its contract, compiled with their calendars, if it has one."""

    name: str
    mode: Mode
    begin: BeginConfig
    undo_s: float
    language: str
    allow_public: bool
    contract: Timeline | None
    helpdesk: SidePlan
    tracker: SidePlan
    policies: Mapping[str, FieldPolicy]
    brakes: BrakeLimits = field(default_factory=BrakeLimits)
    shared: SharedPolicy = field(default_factory=SharedPolicy)
    follow_up: FollowUp = FollowUp.REOPEN
    link_back: bool = True
    issue_key_field: str = ""
    issue_url_field: str = ""

    def side(self, side: Side) -> SidePlan:
        """The helpdesk's or the tracker's end."""
        return self.helpdesk if side is Side.HELPDESK else self.tracker

    def normal(self, field_name: str, value: Any) -> Any:
        """A canonical value reduced to what both sides can hold: values with equal normal forms are lens-equal."""
        return normal_form(self.helpdesk.mapping.lenses[field_name], self.tracker.mapping.lenses[field_name], value)


@dataclass(slots=True)
class MappingFiles:
    """Reads mapping files, each once. `digests` collects what was read, for the config's own digest."""

    directory: Path
    problems: Problems
    read: dict[Path, Item | None] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def load(self, value: Item, beside: Path | None = None, above: tuple[Path, ...] = ()) -> Item | None:
        """The mapping that `value` names, laid over what it extends. None, with the problem noted, if there is none.

        `beside` is the directory a relative path starts at: the config's, or that of the file that extends.
        """
        name = value.value
        path, shown = self._locate(name, beside or self.directory)
        if names_pack(name) and name not in pack_names():
            hint = did_you_mean(name, pack_names()) or f"packs: {', '.join(pack_names())}; a path holds a slash"
            self.problems.add(f"there is no pack `{name}`", value.place, hint)
            return None
        if path in above:
            self.problems.add(f"`{name}` extends itself", value.place)
            return None
        if not path.is_file():
            self.problems.add(f"there is no mapping file `{name}`", value.place, f"looked for {shown}")
            return None
        item = self._read(path, shown)
        if item is None or not item.is_map:
            return item
        base = item.get("extends")
        if base is None:
            return item
        if not self.problems.text(base, "`extends`"):
            return None
        below = self.load(base, path.parent, (*above, path))
        return lay_over(below, item) if below is not None and below.is_map else None

    def _read(self, path: Path, shown: str) -> Item | None:
        if path not in self.read:
            self.read[path] = read_yaml(path, shown=shown, problems=self.problems)
            self.digests[shown] = sha256(path.read_bytes()).hexdigest()
        return self.read[path]

    def _locate(self, name: str, beside: Path) -> tuple[Path, str]:
        if names_pack(name):
            return pack_path(name), f"mappings/{name}.yaml"
        return (beside / name).resolve(), str(beside / name)


def compile_routes(config: Config) -> tuple[RoutePlan, ...]:
    """The routes of a config, ready to run. Raises the first ConfigurationError.

    A config that was loaded from a file carries them already; this is for one built otherwise.
    """
    if config.routes_compiled:
        return config.routes_compiled
    problems = Problems()
    source = Item.of(config.model_dump(by_alias=True, mode="json"))
    plans = compile_all(config, source, MappingFiles(config.directory, problems), problems)
    if problems.found:
        raise problems.found[0]
    return plans


def compile_all(config: Config, source: Item, files: MappingFiles, problems: Problems) -> tuple[RoutePlan, ...]:
    """Compile and prove every route; what is wrong is noted, and a route with problems left out."""
    plans = []
    contracts = ContractFiles(config.directory, known_roles(config), problems)
    for name, route in config.routes.items():
        item = source.find(("routes", name))
        if route.helpdesk.site not in config.sites or route.tracker.site not in config.sites:
            continue
        before = len(problems.found)
        timeline = contracts.timeline(route.contract, item.find(("contract",)))
        plan = _compile_route(name, route, config, (item, files, problems), timeline)
        if plan is not None and len(problems.found) == before:
            plans.append(plan)
    for plan in plans:
        _check_fan_out(plan, plans, source.find(("routes", plan.name)), problems)
    return tuple(plans)


def _check_fan_out(plan: RoutePlan, plans: list[RoutePlan], item: Item, problems: Problems) -> None:
    """Words that engineers write for one customer never go to another: where tickets of two routes may share an issue,
    a field with words is not written back to all."""
    sharing = [one for one in plans if one is not plan and _may_share(one.tracker, plan.tracker)]
    for name in sorted(plan.shared.fan_out - WORDLESS_FIELDS) if sharing else ():
        said = f"`{name}` in `fan_out` would bring words of one customer's case to another: issues may be shared with"
        hint = f"only {', '.join(sorted(WORDLESS_FIELDS))} go to several customers; take `{name}` out of `fan_out`"
        problems.add(f"{said} route {sharing[0].name}", item.find(("shared", "fan_out")).place, hint)


def _may_share(one: SidePlan, other: SidePlan) -> bool:
    """Whether two routes lead to the same part of the same site, as far as their scopes tell apart."""
    same = {name for name in ("project", "repository") if name in one.scope and name in other.scope}
    return one.site == other.site and all(one.scope[name] == other.scope[name] for name in same)


def _compile_route(
    name: str,
    route: RouteConfig,
    config: Config,
    reading: tuple[Item, MappingFiles, Problems],
    timeline: Timeline | None,
) -> RoutePlan | None:
    item, files, problems = reading
    held_by = config.sites[route.helpdesk.site].held_by
    helpdesk = _side(Side.HELPDESK, route.helpdesk, config, (item, files, problems), held_by)
    tracker = _side(Side.TRACKER, route.tracker, config, (item, files, problems), held_by)
    if helpdesk is None or tracker is None:
        return None
    wishes = _wishes(route, item, (helpdesk.mapping, tracker.mapping), problems)
    policies = compile_policies(helpdesk.mapping, tracker.mapping, wishes, problems)
    directions = {field_name: policy.direction for field_name, policy in policies.items()}
    check_routes_fields(helpdesk.mapping, tracker.mapping, directions, problems)
    for here, there in ((helpdesk, tracker), (tracker, helpdesk)):
        names = (config.sites[there.site].connector, there.site)
        run_examples(here.mapping, problems, other=there.mapping, other_names=names)
    if route.allow_public and not helpdesk.mapping.deny:
        problems.add(
            "anybody may read this route's tracker, and its helpdesk's mapping does not say what must never go there",
            item.find(("allow_public",)).place,
            "add a `deny:` rule to the mapping, or take `allow_public` out",
        )
    return RoutePlan(
        name=name,
        mode=route.mode,
        begin=route.begin,
        undo_s=route.undo.total_seconds(),
        language=route.language or config.language,
        allow_public=route.allow_public,
        contract=timeline,
        helpdesk=helpdesk,
        tracker=tracker,
        policies=MappingProxyType(policies),
        brakes=route.brakes.limits(),
        shared=_shared(route, item, policies, problems),
        follow_up=route.follow_up,
        link_back=route.tracker.link_back,
        issue_key_field=route.helpdesk.issue_key_field or "",
        issue_url_field=route.helpdesk.issue_url_field or "",
    )


def _shown_in(
    wish: SideConfig, mapping: SideMapping, item: Item, problems: Problems
) -> Mapping[str, tuple[str, Place]]:
    """The fields that show which issue a ticket has: nobody else's, or their values would come back as edits."""
    if not isinstance(wish, HelpdeskConfig):
        return {}
    named = {key: name for key in SHOWN_IN if (name := getattr(wish, key)) is not None}
    for key, name in named.items():
        if name in mapping.native_fields():
            problems.add(
                f"`{key}` names `{name}`, of which the mapping speaks already",
                item.find((key,)).place,
                "give it a field of its own, a text field that agents can see",
            )
    if len(set(named.values())) < len(named):
        problems.add(
            "`issue_key_field` and `issue_url_field` name one field",
            item.find(("issue_url_field",)).place,
            "give each a field of its own",
        )
    return {key.removesuffix("_field"): (name, item.find((key,)).place) for key, name in named.items()}


def _shared(route: RouteConfig, item: Item, policies: Mapping[str, FieldPolicy], problems: Problems) -> SharedPolicy:
    """The `shared:` block, proved: the fields exist, a rule fits its field, what fans out flows both ways."""
    block = item.get("shared")
    reduce = block.get("reduce") if block is not None and block.is_map else None
    for name, rule in route.shared.reduce.items():
        place = reduce.key_place(name) if reduce is not None else None
        if name not in policies:
            hint = did_you_mean(name, policies) or f"mapped on both: {', '.join(policies)}"
            problems.add(f"`{name}` in `reduce` is not mapped on both sides", place, hint)  # type: ignore[arg-type]
        elif (wrong := wrong_rule(rule, name)) is not None:
            problems.add(f"`{name}` cannot be reduced by `{rule}`", place, wrong)  # type: ignore[arg-type]
    fans = block.get("fan_out") if block is not None and block.is_map else None
    for name in route.shared.fan_out:
        policy = policies.get(name)
        place = fans.place if fans is not None else None
        if policy is None:
            problems.add(f"`{name}` in `fan_out` is not mapped on both sides", place)  # type: ignore[arg-type]
        elif policy.direction not in (Direction.BOTH, Direction.TO_HELPDESK):
            hint = f"say `owner: {{{name}: both}}` as well"
            problems.add(f"`{name}` in `fan_out` does not flow both ways", place, hint)  # type: ignore[arg-type]
    return SharedPolicy(
        MappingProxyType(dict(route.shared.reduce)), frozenset(route.shared.fan_out), route.shared.reply_all
    )


def _side(
    side: Side, wish: SideConfig, config: Config, reading: tuple[Item, MappingFiles, Problems], held_by: HeldBy
) -> SidePlan | None:
    route, files, problems = reading
    item = route.find((side.value,))
    rules = files.load(item.find(("mapping",)))
    if rules is None:
        return None
    people = people_at(config, wish.site)
    mapping = compile_side(
        rules, name=wish.mapping, side=side, helpdesk_held_by=held_by, problems=problems, people=people
    )
    check_people(mapping, wish.site, problems)
    check_side(mapping, problems)
    check_roles(mapping, known_roles(config), problems)
    when = item.get("open_when")
    condition = None
    if when is not None and when.value is not None:
        condition = compile_condition(when, problems, "`open_when`")
    opening = _opening(side, item, condition, config, (held_by, problems))
    return SidePlan(
        side=side,
        site=wish.site,
        held_by=config.sites[wish.site].held_by,
        scope=MappingProxyType(wish.scope),
        mapping=mapping,
        open_when=condition,
        opening=opening,
        shown_in=_shown_in(wish, mapping, item, problems),
    )


def _opening(
    side: Side, item: Item, condition: Condition | None, config: Config, reading: tuple[HeldBy, Problems]
) -> Opening | None:
    """The `new_ticket:` of a tracker's side, which says nothing without `open_when:`, as that does without it."""
    held_by, problems = reading
    block = item.get("new_ticket")
    if block is not None and block.value is None:
        block = None  # so stands what nobody wrote, in a config built otherwise
    if block is not None and side is Side.HELPDESK:
        problems.add("`new_ticket` stands under `tracker:`, whose issues begin cases", item.key_place("new_ticket"))
        return None
    if block is None:
        if side is Side.TRACKER and condition is not None:
            problems.add(
                "`open_when` says which issues begin a case, and nothing says what their tickets hold",
                item.key_place("open_when"),
                "add `new_ticket: {requester: …, message: …}` beside it",
            )
        return None
    opening = compile_opening(block, held_by=held_by, roles=known_roles(config), problems=problems)
    if condition is None:
        hint = "add `open_when: {labels: {any: [tell-customer]}}`"
        problems.add("`new_ticket` does not say which issues begin a case", item.key_place("new_ticket"), hint)
    return opening


def _wishes(
    route: RouteConfig, item: Item, mappings: tuple[SideMapping, SideMapping], problems: Problems
) -> RouteWishes:
    """The route's words per field, a word for all fields spread over them. Notes fields that are not mirrored."""
    shared = [name for name in mappings[0].lenses if name in mappings[1].lenses]
    for key in ("owner", "on_conflict", "tie", "drift"):
        block = item.get(key)
        for name in block.value if block is not None and block.is_map else ():
            if name not in shared:
                known = name in CANONICAL_FIELDS or any(name in mapping.lenses for mapping in mappings)
                reason = "is not mapped on both sides" if known else "is not a field of this route"
                hint = did_you_mean(name, shared) or f"mapped on both: {', '.join(shared)}"
                problems.add(f"`{name}` {reason}", block.key_place(name), hint)  # type: ignore[union-attr]
    return RouteWishes(
        owner=dict(route.owner),
        on_conflict=_spread(route.on_conflict, shared),
        tie={name: OnConflict(word) for name, word in _spread(route.tie, shared).items()},
        drift=_spread(route.drift, shared),
    )


def _spread(words: Mapping[str, Word], fields: list[str]) -> dict[str, Word]:
    named = {name: word for name, word in words.items() if name != EVERY}
    return dict.fromkeys(fields, words[EVERY]) | named if EVERY in words else named
