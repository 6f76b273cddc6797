"""How people are told: whether the addresses in the config are such, and who is told in whose place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from bridge.config.routes import RoutePlan
from bridge.config.shape import Config, Person
from bridge.connect.chat import schemes, service_of
from bridge.connect.mail import parse_relay
from bridge.mapping.source import Item, Problems, did_you_mean
from bridge.model.words import Mode
from bridge.sla.lint import ASSIGNEE
from bridge.sla.roster import Addressee, Member, Roster


def check_channels(config: Config, item: Item, problems: Problems) -> None:
    """Note addresses nothing can be sent to, and people in whose place nobody is told."""
    if config.mail is not None and config.mail.smtp is not None:
        place = item.find(("mail", "smtp")).place
        try:
            parse_relay(config.mail.smtp.get_secret_value())
        except ValueError as error:
            problems.add(f"`smtp` of `mail` {error}", place)
    roster = roster_of(config)
    for name, person in config.people.items():
        here = item.find(("people", name))
        _check_notify(name, person, here, problems)
        if roster.present(name) is None:
            said = "has no `deputy`" if person.deputy is None else "everybody who stands in for them is away too"
            place = here.key_place("away")
            problems.add(f"`{name}` is away and {said}, so nobody is told", place, "name a `deputy` who is there")


def _check_notify(name: str, person: Person, item: Item, problems: Problems) -> None:
    for number, secret in enumerate(person.notify):
        url, written = secret.get_secret_value(), item.find(("notify",))
        place = written.find((number,)).place if written.is_list else written.place
        if url and service_of(url) is None:
            scheme, sign, _ = url.partition("://")
            # Only how the address begins is looked at and shown, and only if it is near a word that is known.
            near = did_you_mean(scheme, schemes()) if sign and scheme.lower() not in schemes() else ""
            hint = near or "put an apprise URL such as `slack://…` or `pagerduty://…` into the variable or file"
            problems.add(f"`notify` of `{name}` is not an address that apprise can use", place, hint)


def roster_of(config: Config, channels: Mapping[str, tuple[str, ...]] = MappingProxyType({})) -> Roster:
    """The people of the config as contracts speak of them. `channels` names the ways each can be told."""
    found = {
        key: Member(
            key=key,
            name=person.name,
            roles=frozenset((key, *person.roles)),
            channels=channels.get(key, ()),
            deputy=person.deputy,
            is_away=person.away,
        )
        for key, person in config.people.items()
    }
    return Roster(MappingProxyType(found))


def telling_sentences(config: Config, plan: RoutePlan) -> Iterator[str]:
    """Who is told of warnings and breaches, and how, by the newest version of the route's contract."""
    if plan.contract is None:
        return
    contract, roster = plan.contract.versions[-1].contract, roster_of(config)
    for step in contract.escalation:
        people = roster.addressees(contract, [step], without_customer=plan.mode is Mode.INTERNAL)
        told = [f"{one.member.name}{_instead(one)} {_ways(config, one.member.key)}" for one in people]
        if ASSIGNEE in step.tell and not roster.called(contract, ASSIGNEE):
            told.append("whoever the issue is assigned to, if they are among the people,")
        asked = f", and asked to acknowledge within {step.ask_ack}" if step.ask_ack else ""
        again = f", again every {step.repeat} until somebody does" if step.repeat else ""
        at = "a breach" if step.at.is_breach else str(step.at)
        yield f"at {at} of a promise {' and '.join(told) or 'nobody'} is told{asked}{again}"


def _instead(one: Addressee) -> str:
    return f" (for {one.instead_of}, who is away)" if one.instead_of else ""


def _ways(config: Config, key: str) -> str:
    """How a person is told, with no address but that of their mail."""
    person = config.people[key]
    ways = [f"by e-mail to {person.email}"] if person.email and has_mail(config) else []
    ways += [f"by {service_of(secret.get_secret_value()) or 'an unknown service'}" for secret in person.notify]
    if ways:
        return " and ".join(ways)
    lack = "neither `email` nor `notify`" if has_mail(config) else "no `notify`, and there is no `mail: {smtp: …}`"
    return f"(in no way, having {lack})"


def has_mail(config: Config) -> bool:
    """Whether mail can be sent."""
    return config.mail is not None and config.mail.smtp is not None
