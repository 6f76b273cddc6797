"""What the documents say is true of the code: these tests fail when the documents lag behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from inspect import getmembers, isclass
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from pydantic import BaseModel

import bridge
from bridge.cli.app import app
from bridge.cli.config_option import connectors
from bridge.config import Config, check_config, shape
from bridge.config.packs import contract_names, pack_names
from bridge.config.reading import parse_yaml
from bridge.connect.registry import find_kinds
from bridge.mapping import blocks, comments, compile, condition, updates
from bridge.mapping.source import Problems
from bridge.model import operation, words
from bridge.model.ticket import Life, Presence
from bridge.sandbox.server import KINDS
from bridge.sla.contract import CalendarTerms, Contract
from bridge.store.links import Fate
from bridge.store.schema import metadata

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
README, GLOSSARY, ARCHITECTURE, MAPPING, CONFIG = (
    ROOT / name
    for name in ("README.md", "docs/glossary.md", "docs/architecture.md", "docs/mapping.md", "docs/config.md")
)
SECRETS = {"ACME_DESK_TOKEN": "a", "JIRA_TOKEN": "b"}

TERMS = (
    *("connector", "site", "side", "route", "mode", "ticket", "party", "audience", "link", "group", "base", "mapping"),
    *("hint", "feed", "cursor", "fact", "reconcile", "plan", "operation", "attempt", "marker", "outbox"),
    *("dead letter", "echo", "brake", "contract", "clock", "case", "update", "sandbox"),
    *("lens", "pack", "policy", "visibility", "item", "hand", "ledger", "horizon", "release", "snapshot", "reading"),
)
PLACES = ("work", "root", "home", "tmp", "usr", "opt", "mnt", "workspace")
FORBIDDEN = (
    rf"(?<![\w./])/(?:{'|'.join(PLACES)})(?:/|\b(?!-))",
    r"(?i)\b(?:pypi|npmjs|artifactory|devpi|nexus|index[-]url|crates)\b",
    r"(?i)\b(?:helpers?|utils|upstream|downstream)\b",
    r"(?i)\b(?:TODO|FIXME|lorem)\b",
)
KNOWN_HOSTS = ("127.0.0.1", "acme.zendesk.com", "vendor.atlassian.net", "api.github.com")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def yaml_blocks(page: Path) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def block(page: Path, title: str) -> str:
    [found] = [text for text in yaml_blocks(page) if text.startswith(f"# {title}")]
    return found


def code_words(page: Path) -> str:
    """All that stands as code: between backticks, and in blocks."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join((*fenced, *inline))


def names_word(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def rows(page: Path) -> Iterator[list[str]]:
    """The cells of every table row, pipes taken off."""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def options_of(command: Any) -> list[str]:
    own = [name for param in command.params for name in (*param.opts, *param.secondary_opts) if name.startswith("-")]
    return own + [name for part in getattr(command, "commands", {}).values() for name in options_of(part)]


def options_of_all(command: Any) -> list[str]:
    """Of a command, or of every command of a group."""
    return [
        *options_of(command),
        *(one for each in getattr(command, "commands", {}).values() for one in options_of(each)),
    ]


def test_every_command_has_a_row_with_each_of_its_options() -> None:
    command_row = {cells[0].strip("`"): " ".join(cells) for cells in rows(README) if cells[0].startswith("`bridge ")}
    group: Any = typer.main.get_command(app)
    assert set(command_row) == {f"bridge {name}" for name in group.commands}
    for name, command in group.commands.items():
        missing = [one for one in options_of_all(command) if not names_word(command_row[f"bridge {name}"], one)]
        assert missing == [], f"bridge {name}"


def test_no_row_names_an_option_that_its_command_does_not_have() -> None:
    group: Any = typer.main.get_command(app)
    for cells in rows(README):
        if cells[0].startswith("`bridge "):
            known = options_of_all(group.commands[cells[0].strip("`").removeprefix("bridge ")])
            assert set(re.findall(r"--[a-z-]+", " ".join(cells))) <= set(known), cells[0]


def test_the_options_before_the_command_and_the_variable_of_the_config_are_told() -> None:
    text = README.read_text(encoding="utf-8")
    for option in (*options_of(typer.main.get_command(app)), "--help", "BRIDGE_CONFIG"):
        assert names_word(text, option), option


def test_every_kind_of_simulated_site_is_told() -> None:
    assert [kind for kind in KINDS if not names_word(README.read_text(encoding="utf-8"), kind)] == []


def test_the_exit_codes_are_told() -> None:
    codes = re.search(r"\*\*Exit codes\.\*\*(.*?)\n\n", README.read_text(encoding="utf-8"), re.DOTALL)
    assert codes is not None
    assert re.findall(r"\b([0-9]): ", codes[1]) == ["0", "1", "2"]


def test_every_variable_of_the_example_config_is_exported_in_the_readme() -> None:
    example = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    wanted = set(re.findall(r"^[^#\n]*env:([A-Z_]+)", example, re.MULTILINE))
    assert wanted == set(re.findall(r"^export ([A-Z_]+)=", README.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_make_target_a_page_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"`make ([a-z]+)`", page.read_text(encoding="utf-8"))) <= targets, page


@pytest.mark.parametrize("term", TERMS)
def test_the_glossary_explains_every_term(term: str) -> None:
    assert f"**{term}**" in GLOSSARY.read_text(encoding="utf-8")


def closed_lists() -> list[type[StrEnum]]:
    ours = [kind for _, kind in getmembers(words, isclass) if issubclass(kind, StrEnum) and kind is not StrEnum]
    return [*ours, operation.OperationKind, operation.OperationState, Fate, Presence, Life]


@pytest.mark.parametrize("kind", closed_lists(), ids=lambda kind: kind.__name__)
def test_the_glossary_names_every_value_of_a_closed_list(kind: type[StrEnum]) -> None:
    text = GLOSSARY.read_text(encoding="utf-8")
    assert [value.value for value in kind if f"`{value.value}`" not in text] == []


def test_the_glossary_names_every_canonical_field() -> None:
    text = GLOSSARY.read_text(encoding="utf-8")
    assert [name for name in words.CANONICAL_FIELDS if f"`{name}`" not in text] == []


def test_the_architecture_names_every_table_of_the_ledger_and_no_other() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    part = text.partition("## The ledger")[2].partition("## The life")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) == set(metadata.tables)


def test_the_architecture_names_every_room() -> None:
    code = code_words(ARCHITECTURE)
    rooms = [path.parent.name for path in (ROOT / "src" / "bridge").glob("*/__init__.py")]
    assert [room for room in rooms if not names_word(code, room)] == []


def test_the_mapping_page_names_every_pack_and_the_config_page_every_contract() -> None:
    linked = set(re.findall(r"\]\(\.\./mappings/([\w-]+)\.yaml\)", MAPPING.read_text(encoding="utf-8")))
    assert linked == set(pack_names())
    assert [name for name in contract_names() if f"`{name}`" not in CONFIG.read_text(encoding="utf-8")] == []


def mapping_words() -> set[str]:
    keys = (compile.KEYS, compile.OWNERS, blocks.TABLE_KEYS, blocks.TEXT_KEYS, blocks.LABELS_KEYS, blocks.CUSTOM_KEYS)
    more = (blocks.LABEL_KEYS, condition.OPERATORS, comments.FACTS, comments.AUDIENCES, updates.KINDS, updates.TRIGGERS)
    found = {str(word) for each in (*keys, *more) for word in each}
    return found | {"when", "otherwise", "is", "strip", "skip", "to_other_side", "role", "party", "email", "contains"}


@pytest.mark.parametrize("word", sorted(mapping_words()))
def test_the_mapping_page_shows_every_key_the_compiler_knows(word: str) -> None:
    assert names_word(code_words(MAPPING), word)


def config_keys(model: type[BaseModel], seen: set[type] | None = None) -> set[str]:
    """The keys of a model and of all models in it, as the YAML spells them."""
    seen = set() if seen is None else seen
    if model in seen:
        return set()
    seen.add(model)
    keys = {field.alias or name for name, field in model.model_fields.items()}
    for field in model.model_fields.values():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                keys |= config_keys(part, seen)
    return keys


def test_the_config_page_explains_every_key() -> None:
    keys = config_keys(Config) | {key for kind in find_kinds().values() for key in kind.login.model_fields}
    keys |= {key for kind in find_kinds().values() for key in kind.scope_keys()}
    assert {"undo", "requests_per_minute", "oauth_token", "repository", "deputy"} <= keys
    code = code_words(CONFIG)
    assert sorted(key for key in keys if not names_word(code, key)) == []


def test_the_config_page_shows_the_defaults_as_they_are() -> None:
    text = CONFIG.read_text(encoding="utf-8")
    limits = shape.SiteLimits()
    assert (limits.deadline.seconds, limits.processing.seconds, limits.index_lag.seconds) == (30, 10, 600)
    assert "(`30s`)" in text
    assert "(`10s`)" in text
    assert "(`10m`)" in text
    assert shape.SiteConfig.model_fields["poll"].default.seconds == 15
    assert "are read; `15s` |" in text
    assert shape.RouteConfig.model_fields["undo"].default.seconds == 120
    assert "before it is sent; `2m` |" in text


@each_page
def test_yaml_in_the_documents_can_be_read(page: Path) -> None:
    for text in yaml_blocks(page):
        problems = Problems()
        assert parse_yaml(text, shown=page.name, problems=problems) is not None
        assert [str(problem) for problem in problems.found] == []


def problems_of(path: Path) -> list[str]:
    return [str(one) for one in check_config(path, environ=SECRETS, connectors=connectors())[1]]


def test_the_whole_config_of_the_documents_is_right(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(block(CONFIG, "a whole config"), encoding="utf-8")
    assert problems_of(path) == []


@pytest.mark.parametrize("number", range(len(yaml_blocks(MAPPING))))
def test_the_mappings_of_the_documents_compile_and_their_examples_hold(tmp_path: Path, number: int) -> None:
    (tmp_path / "acme.yaml").write_text(yaml_blocks(MAPPING)[number], encoding="utf-8")
    path = tmp_path / "config.yaml"
    whole = block(CONFIG, "a whole config")
    path.write_text(whole.replace("mapping: jira-datacenter", "mapping: ./acme.yaml"), encoding="utf-8")
    assert problems_of(path) == []


def test_the_mapping_page_holds_a_whole_mapping() -> None:
    keys = re.findall(r"^(\w+):", block(MAPPING, "a whole mapping"), re.MULTILINE)
    assert set(keys) == set(compile.KEYS) - {"extends"}


def test_the_newest_version_of_the_changelog_is_this_one() -> None:
    versions = re.findall(r"^## (\S+) — (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert versions[0][0] == bridge.__version__
    assert [day for _, day in versions] == sorted((day for _, day in versions), reverse=True)


def keys_of(model: Any) -> Iterator[str]:
    """The keys of a model and of every model in it."""
    for name, field in model.model_fields.items():
        yield field.alias or name
        for part in _models_in(field.annotation):
            yield from keys_of(part)


def _models_in(annotation: Any) -> Iterator[Any]:
    if isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def test_the_page_of_contracts_names_every_key_and_every_word_they_take() -> None:
    page = code_words(ROOT / "docs" / "sla.md")
    words_taken = {word for schema in _schemas(Contract.model_json_schema()) for word in schema.get("enum", ())}
    wanted = {*keys_of(Contract), *words_taken} - {"waiting_internal"}
    assert sorted(word for word in wanted if not names_word(page, str(word))) == []


def _schemas(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _schemas(part)


def test_the_example_of_a_calendar_is_one() -> None:
    problems = Problems()
    text = yaml_blocks(ROOT / "docs" / "sla.md")[0]
    item = parse_yaml(text, shown="sla.md", problems=problems)
    assert item is not None
    assert CalendarTerms.model_validate(item.find(("calendars", "office")).plain).day is not None


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        assert not target.startswith(("http:", "https:", "/")), target
        path, _, anchor = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        assert aim.exists(), f"{page.name}: {target}"
        assert ROOT in (aim, *aim.parents), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(aim), f"{page.name}: {target}"


def test_every_decision_is_listed_numbered_and_complete() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (ROOT / "docs/adr/README.md").read_text(encoding="utf-8"))
    assert listed == [record.name for record in records]
    for number, record in enumerate(records, start=1):
        text = record.read_text(encoding="utf-8")
        assert text.startswith(f"# {number:04}: ")
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


@each_page
@pytest.mark.parametrize("pattern", FORBIDDEN, ids=range(len(FORBIDDEN)))
def test_nothing_of_the_workshop_stands_in_the_documents(page: Path, pattern: str) -> None:
    assert [match[0] for match in re.finditer(pattern, page.read_text(encoding="utf-8"))] == []


@each_page
def test_companies_are_invented(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [one for one in re.findall(r"[\w.]+@([\w.-]+\w)", text) if not one.endswith(".example")] == []
    hosts = re.findall(r"https?://([\w.-]+)", text)
    assert [host for host in hosts if host not in KNOWN_HOSTS and not host.endswith(".example")] == []
