"""What a sound config becomes: typed values, compiled routes, roles, and sentences that explain it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from bridge.cli.story.config import SITES, config_text
from bridge.config import (
    Config,
    compile_routes,
    find_pack,
    find_update,
    json_schema,
    load_config,
    read_login,
    roles_of,
    worked_examples,
)
from bridge.config.durations import parse_duration, show_duration
from bridge.errors import ConfigurationError
from bridge.mapping import CommentFacts
from bridge.model.ticket import Person, Reading
from bridge.model.words import CANONICAL_FIELDS, Direction, HeldBy, Mode, OnConflict, Side, State, Visibility

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
NAMES = ("ACME_DESK", "GLOBEX_DESK", "JIRA", "GITHUB")


@pytest.fixture(scope="module")
def environ() -> Mapping[str, str]:
    """The variables the sandbox prints, and no others."""
    urls = {f"{name}_URL": f"http://127.0.0.1:80{number}" for number, name in enumerate(NAMES)}
    return urls | {f"{name}_TOKEN": f"token-{name}" for name in NAMES}


@pytest.fixture(scope="module")
def example(environ: Mapping[str, str]) -> Config:
    return load_config(EXAMPLE, environ=environ)


def test_the_example_config_is_sound_on_the_sandboxs_variables_alone(example: Config) -> None:
    assert [plan.name for plan in example.routes_compiled] == ["acme", "globex"]
    assert example.sites["acme-desk"].url == "http://127.0.0.1:800"
    assert example.sites["vendor-github"].login_values() == {"token": "token-GITHUB"}


def test_a_compiled_route_carries_all_the_engine_asks_for(example: Config) -> None:
    plan = example.route("acme")

    assert plan.mode is Mode.LIVE
    assert plan.undo_s == 120
    assert plan.language == "en"
    assert plan.begin.link == "open"
    assert plan.contract is not None
    assert plan.contract.versions[0].contract.customer == "Standard customer"
    assert plan.tracker.scope == {"project": "ACME", "type": "Bug"}
    assert plan.side(Side.HELPDESK).held_by is HeldBy.CUSTOMER
    assert {"group", "status", "tags"} <= plan.helpdesk.native_fields()
    assert plan.helpdesk.open_when is not None
    assert plan.helpdesk.mapping.matches(plan.helpdesk.open_when, {"group": Reading.of("vendor 2nd line")})
    assert not plan.helpdesk.mapping.matches(plan.helpdesk.open_when, {"group": Reading.of("Support")})


def test_fields_a_route_says_nothing_of_have_the_default_policies(example: Config) -> None:
    policies = example.route("globex").policies

    unmapped = ("priority", "assignee", "reporter", "due")
    assert tuple(policies) == tuple(name for name in CANONICAL_FIELDS if name not in unmapped)
    assert policies["severity"].direction is Direction.TO_TRACKER
    assert policies["description"].direction is Direction.TO_TRACKER
    assert policies["state"].direction is Direction.BOTH
    assert policies["state"].on_conflict is OnConflict.NEWEST
    assert policies["state"].tie is OnConflict.HELPDESK
    assert policies["state"].allowed_from == frozenset(State) - {State.RESOLVED, State.CLOSED}
    assert policies["labels"].allowed_from is None


def test_a_config_built_in_memory_compiles_the_same_routes(example: Config, environ: Mapping[str, str]) -> None:
    plain = example.source.plain
    for site in plain["sites"].values():
        site["url"] = "https://desk.example"
    for route in plain["routes"].values():
        del route["contract"]

    plans = compile_routes(Config.model_validate(plain))

    assert [plan.tracker.mapping.digest for plan in plans] == [
        plan.tracker.mapping.digest for plan in example.routes_compiled
    ]


def test_the_sentences_name_every_word_of_a_ticket_that_an_issue_begins(tmp_path: Path) -> None:
    words = """, open_when: {labels: {any: [tell-customer]}}, new_ticket: {requester: {field: Contact},
      message: {command: "#open", role: lead}, title: {field: summary}, fields: {group: Support, tags: [a, b]}}}"""
    text = config_text({site: f"https://{site}.example" for site in SITES})
    path = tmp_path / "config.yaml"
    path.write_text(text.replace("type: Bug}", f"type: Bug{words}").replace("undo: 0s", "undo: 2m"), encoding="utf-8")

    config = load_config(path, environ={"SANDBOX_TOKEN": "x"})

    [sentence] = [one for one in worked_examples(config) if "begins a case" in one]
    assert sentence.startswith(
        "acme: an issue of vendor-jira with labels tell-customer begins a case: a ticket is made at acme-desk after 2m for "
        "what stands in `Contact`, with group Support, tags a and b; it says what follows in a comment that begins with "
        "#open, written by a person, by lead to the customer's own team, as an internal note, under the title what stands "
        "in `summary` ("
    )
    assert {"Contact", "summary", "labels"} <= config.route("acme").tracker.native_fields()


def test_the_config_explains_itself_back_in_sentences(example: Config) -> None:
    sentences = worked_examples(example)

    assert "acme: a ticket of acme-desk with group Vendor 2nd line becomes a Bug in ACME on vendor-jira." in sentences
    assert any("critical is `urgent` there and `S1` here" in sentence for sentence in sentences)
    reply = next(sentence for sentence in sentences if "#reply" in sentence)
    assert "as an internal note (mappings/jira-software.yaml:50)" in reply
    assert "acme: every other comment on vendor-jira stays there." in sentences


def test_roles_are_found_by_mail_address_or_by_account(example: Config) -> None:
    roles = roles_of(example)

    assert roles("vendor-jira", Person("7", email="Lead@Vendor.Example")) == {"lead"}
    assert roles("vendor-github", Person("engineer")) == {"engineer"}
    assert roles("acme-desk", Person("engineer")) == frozenset()
    assert roles("vendor-github", Person("stranger", email="stranger@elsewhere.example")) == frozenset()
    assert roles("vendor-github", Person("")) == frozenset()


def test_several_people_may_share_a_role() -> None:
    config = Config.model_validate(
        {
            "sites": {
                "desk": {"connector": "zendesk", "url": "https://desk.example", "held_by": "vendor", "login": {}}
            },
            "people": {"second": {"name": "Second", "email": "second@vendor.example", "roles": ["engineer"]}},
        }
    )

    assert roles_of(config)("desk", Person("1", email="second@vendor.example")) == {"second", "engineer"}


def test_a_login_is_read_by_its_connectors_own_model(example: Config) -> None:
    class Login(BaseModel):
        model_config = ConfigDict(extra="forbid")
        token: SecretStr

    class Stricter(Login):
        expires: str

    assert read_login(example, "vendor-github", Login).token.get_secret_value() == "token-GITHUB"
    with pytest.raises(ConfigurationError, match=r"config\.example\.yaml:\d+:\d+: the key `expires` is missing"):
        read_login(example, "vendor-github", Stricter)


def test_the_digest_changes_with_any_file_of_the_config(tmp_path: Path, environ: Mapping[str, str]) -> None:
    contract = (EXAMPLE.parent / "contracts" / "standard.yaml").read_text()
    (tmp_path / "ours.yaml").write_text(contract)
    path = tmp_path / "config.yaml"
    path.write_text(EXAMPLE.read_text().replace("contract: standard", "contract: ours.yaml"))
    first = load_config(path, environ=environ).digest

    assert load_config(path, environ=environ).digest == first
    (tmp_path / "ours.yaml").write_text(contract + "# amended\n")
    assert load_config(path, environ=environ).digest != first


OWN_MAPPING = """\
extends: github-labels
comments: {to_other_side: [{when: {visibility: public}, audience: vendor}, {otherwise: skip}]}
case:
"""

GITHUB_DESK = """\
sites:
  desk: {connector: github, url: https://api.github.example, held_by: customer, login: {token: "env:GITHUB_TOKEN"}}
  jira: {connector: jira, url: https://jira.example, held_by: vendor, login: {email: a@b.example, token: "env:JIRA_TOKEN"}}
people:
  lead: {name: Team Lead}
  engineer: {name: Support Engineer}
routes:
  acme:
    helpdesk: {site: desk, mapping: rules/desk.yaml, repository: acme/shop}
    tracker: {site: jira, mapping: jira-software, project: ACME, type: Bug}
    on_conflict: helpdesk
    owner: {labels: both}
"""


def test_github_may_stand_on_the_helpdesks_side_with_rules_of_ones_own(
    tmp_path: Path, environ: Mapping[str, str]
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "desk.yaml").write_text(OWN_MAPPING)
    (tmp_path / "config.yaml").write_text(GITHUB_DESK)

    plan = load_config(tmp_path / "config.yaml", environ=environ).route("acme")

    assert plan.mode is Mode.OBSERVE
    assert plan.contract is None
    assert plan.helpdesk.mapping.updates == ()
    assert plan.policies["labels"].direction is Direction.BOTH
    assert plan.policies["state"].on_conflict is OnConflict.HELPDESK
    released = plan.helpdesk.mapping.release(CommentFacts("hello", "hello", Visibility.PUBLIC))
    assert released is not None
    assert str(released.place) == f"{tmp_path}/rules/desk.yaml:2:28"


def test_a_mapping_that_extends_itself_or_nothing_is_refused(tmp_path: Path, environ: Mapping[str, str]) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "config.yaml").write_text(GITHUB_DESK)
    for rules, complaint in (
        ("extends: ./desk.yaml\n", "desk.yaml:1:10: `./desk.yaml` extends itself"),
        ("extends: ./other.yaml\n", "desk.yaml:1:10: there is no mapping file `./other.yaml`"),
        ("extends: github-labls\n", "no pack `github-labls` \\(did you mean `github-labels`"),
    ):
        (tmp_path / "rules" / "desk.yaml").write_text(rules)
        with pytest.raises(ConfigurationError, match=complaint):
            load_config(tmp_path / "config.yaml", environ=environ)


def test_values_are_lens_equal_when_their_normal_forms_are(example: Config) -> None:
    acme = example.route("acme")

    assert acme.normal("state", "triaged") == acme.normal("state", "in_progress") == "in_progress"
    assert acme.normal("state", "closed") == acme.normal("state", "resolved") == "resolved"
    assert acme.normal("labels", ("Product-X", "vip")) == ("product-x",)
    assert acme.normal("summary", " It  is down ") == "It is down"


def test_durations_are_read_with_their_units_and_shown_shortest() -> None:
    assert parse_duration("1h 30m") == timedelta(minutes=90)
    assert parse_duration("90s") == timedelta(seconds=90)
    assert show_duration(timedelta(seconds=90)) == "1m 30s"
    with pytest.raises(ValueError, match="with its unit"):
        parse_duration("90")


def test_the_schema_names_every_key_for_editors() -> None:
    schema = json_schema()

    assert set(schema["properties"]) == set(Config.model_fields)
    route = schema["$defs"]["RouteConfig"]["properties"]
    assert {"register", "begin", "undo"} <= set(route)


def test_packs_and_templates_are_found_by_name() -> None:
    text, shown = find_pack("zendesk-default")
    assert text.startswith("#")
    assert shown == "mappings/zendesk-default.yaml"
    with pytest.raises(ConfigurationError, match="no pack `nowhere`"):
        find_pack("nowhere")
    assert find_update("fr", "cause") == find_update("en", "cause")
    with pytest.raises(ConfigurationError, match="no update template"):
        find_update("en", "rumour")
