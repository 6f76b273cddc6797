"""Who an author is, by the config's `people:`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bridge.config.shape import Config
from bridge.model.ticket import Person as Account

RolesOf = Callable[[str, Account], frozenset[str]]


def roles_of(config: Config) -> RolesOf:
    """A function from a site's name and an account there to the roles of that person.

    An account is matched by its e-mail address, without regard to case, or by its login or id under `accounts:`. The
    roles are the key the person stands under, and their `roles:`. Nobody known has none. The e-mail address of an
    account is the site's word for it, so roles are as trustworthy as the site is.
    """
    by_email: dict[str, set[str]] = {}
    by_account: dict[tuple[str, str], set[str]] = {}
    for key, person in config.people.items():
        roles = {key, *person.roles}
        if person.email:
            by_email.setdefault(person.email.casefold(), set()).update(roles)
        for site, account in person.accounts.items():
            by_account.setdefault((site, account.casefold()), set()).update(roles)

    def find(site: str, person: Account) -> frozenset[str]:
        found = set(by_email.get(person.email.casefold(), ())) if person.email else set()
        if person.id:
            found |= by_account.get((site, person.id.casefold()), set())
        return frozenset(found)

    return find


def known_roles(config: Config) -> tuple[str, ...]:
    """Every role the config's people have, in the order written."""
    roles: dict[str, None] = {}
    for key, person in config.people.items():
        roles.update(dict.fromkeys((key, *person.roles)))
    return tuple(roles)


def people_at(config: Config, site: str) -> Mapping[str, tuple[str, ...]]:
    """The names each person has at a site, by the person's key: the account of `accounts:`, then the e-mail address.
    Whoever has neither is left out."""
    found = {key: (person.accounts.get(site), person.email) for key, person in config.people.items()}
    named = {key: tuple(name for name in names if name) for key, names in found.items()}
    return MappingProxyType({key: names for key, names in named.items() if names})
