"""References to what must not stand in a file: `env:NAME` and `file:PATH`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bridge.mapping.source import Item, Problems, did_you_mean

SECRET_WORDS = ("token", "password", "secret", "key")
"""A login's key with one of these words in it takes a reference only."""


@dataclass(frozen=True, slots=True)
class References:
    """Resolves references against an environment and the config's directory; what fails is noted."""

    environ: Mapping[str, str]
    directory: Path
    problems: Problems

    def resolve(self, item: Item, what: str) -> str | None:
        """What a reference refers to, or None with the problem noted. A text that is no reference is itself."""
        text = item.value
        if text.startswith("env:"):
            return self._from_environment(text.removeprefix("env:").strip(), item, what)
        if text.startswith("file:"):
            return self._from_file(text.removeprefix("file:").strip(), item, what)
        return str(text)

    def refuse_plain(self, what: str, item: Item) -> None:
        """Note a secret that stands in the file itself."""
        said = f"{what} is a secret, and secrets do not stand in the config"
        self.problems.add(said, item.place, "write `env:` and a variable's name, or `file:` and a path")

    def _from_environment(self, name: str, item: Item, what: str) -> str | None:
        value = self.environ.get(name, "")
        if value:
            return value
        state = "empty" if name in self.environ else "not set"
        hint = did_you_mean(name, self.environ) or f"set {name} before bridge starts"
        self.problems.add(f"{what} is in the environment variable `{name}`, which is {state}", item.place, hint)
        return None

    def _from_file(self, name: str, item: Item, what: str) -> str | None:
        path = self.directory / name
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = (error.strerror or "unreadable").lower() if isinstance(error, OSError) else "it is not text"
            self.problems.add(f"{what} is in the file `{name}`, which cannot be read: {reason}", item.place)
            return None
        if not value:
            self.problems.add(f"{what} is in the file `{name}`, which is empty", item.place)
            return None
        return value


def resolve_references(item: Item, references: References) -> dict[str, Any]:
    """The config as plain data, with every reference resolved; secrets come wrapped so that nothing prints them."""
    plain: dict[str, Any] = item.plain
    sites = item.get("sites")
    for name, site in (sites.value if sites and sites.is_map else {}).items():
        url, login = site.get("url"), site.get("login")
        if url and isinstance(url.value, str) and url.value.startswith(("env:", "file:")):
            found = references.resolve(url, f"the address of site `{name}`")
            plain["sites"][name]["url"] = found or "https://unset.invalid"
        for block, part in (("login", login), ("webhook", site.get("webhook"))):
            if part and part.is_map:
                plain["sites"][name][block] = _login(name, part, references)
    for block, key in (("store", "url"), ("mail", "smtp"), ("heartbeat", "url")):
        part = item.get(block)
        value = part.get(key) if part else None
        if value and isinstance(value.value, str):
            what = f"`{key}` of `{block}`"
            if block == "mail" and "@" in value.value and not value.value.startswith(("env:", "file:")):
                references.refuse_plain(what, value)
            found = references.resolve(value, what)
            plain[block][key] = SecretStr("https://unset.invalid" if found is None else found)
    people = item.get("people")
    for name, person in (people.value if people and people.is_map else {}).items():
        if person.is_map and (notify := person.get("notify")) is not None:
            plain["people"][name]["notify"] = _channels(name, notify, references)
    return plain


def _channels(name: str, notify: Item, references: References) -> Any:
    """Where a person is told: references only, for the addresses are passwords themselves."""
    items = notify.value if notify.is_list else (notify,)
    if any(not isinstance(one.value, str) for one in items):
        return notify.plain
    return [_channel(f"`notify` of `{name}`", one, references) for one in items]


def _channel(what: str, item: Item, references: References) -> SecretStr:
    if not item.value.startswith(("env:", "file:")):
        references.refuse_plain(what, item)
        return SecretStr("")
    return SecretStr(references.resolve(item, what) or "")


def _login(site: str, login: Item, references: References) -> dict[str, Any]:
    resolved: dict[str, Any] = {}
    for key, item in login.value.items():
        what = f"`{key}` of site `{site}`"
        value = item.plain
        if isinstance(value, str) and value.startswith(("env:", "file:")):
            value = SecretStr(references.resolve(item, what) or "")
        elif isinstance(value, str) and any(word in key.lower().split("_") for word in SECRET_WORDS):
            references.refuse_plain(what, item)
        resolved[key] = value
    return resolved
