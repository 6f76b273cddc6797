"""A broken config costs one clear sentence a fault, with file and line, and a config is taken whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config import check_config, load_config, worked_examples
from bridge.config.packs import find_pack, pack_names
from bridge.config.reading import parse_yaml
from bridge.errors import ConfigurationError
from bridge.mapping import Problems
from bridge.mapping.check import check_side
from bridge.mapping.compile import compile_side
from bridge.mapping.examples import run_examples
from bridge.model.words import HeldBy, Side

ENVIRON = {"DESK_URL": "https://acme.zendesk.example", "DESK_TOKEN": "d3sk", "JIRA_TOKEN": "j1ra"}

SOUND = """\
sites:
  acme-desk:
    connector: zendesk
    url: env:DESK_URL
    held_by: customer
    login: {email: bridge@vendor.example, token: env:DESK_TOKEN}
  vendor-jira:
    connector: jira
    url: https://vendor.jira.example/
    held_by: vendor
    login: {email: bridge@vendor.example, token: env:JIRA_TOKEN}
people:
  lead: {name: Team Lead, email: lead@vendor.example, deputy: engineer}
  engineer: {name: Support Engineer, email: engineer@vendor.example}
routes:
  acme:
    contract: acme.yaml
    helpdesk: {site: acme-desk, mapping: zendesk-default, open_when: {group: Vendor 2nd line}}
    tracker: {site: vendor-jira, mapping: jira-software, project: ACME, type: Bug}
    mode: live
    undo: 2m
"""

CONTRACT = """\
customer: ACME GmbH
period: {from: 2026-01-01, to: 2026-12-31}
calendars:
  office: {timezone: Europe/Berlin, weekly: {mon-fri: "09:00-18:00"}}
severities:
  critical: {means: production down, calendar: 24x7, first_response: 4h, resolution: 5d}
  major: {calendar: office, first_response: 8h, resolution: 10d}
escalation: [{at: 50%, tell: assignee}, {at: breach, tell: lead}]
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the sound config with some lines replaced, and its contract beside it."""

    def act(*changes: tuple[str, str], contract: str = CONTRACT, raw: bytes | None = None) -> Path:
        text = SOUND
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "acme.yaml").write_text(contract, encoding="utf-8")
        path = tmp_path / "config.yaml"
        path.write_bytes(text.encode() if raw is None else raw)
        return path

    return act


def faults(path: Path, connectors: Collection[str] = ("zendesk", "jira", "github")) -> list[str]:
    config, errors = check_config(path, environ=ENVIRON, connectors=connectors)
    assert (config is None) == bool(errors)
    return [str(error).replace(f"{path.parent}/", "") for error in errors]


def test_the_sound_config_has_no_faults(write: Write) -> None:
    assert faults(write()) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("    held_by: vendor\n", ""),
            "config.yaml:8:5: the key `held_by` is missing from `sites.vendor-jira` (add `held_by:`)",
        ),
        (
            ("routes:", "rotes:"),
            "config.yaml:15:1: `rotes` is not a known key (did you mean `routes`?)",
        ),
        (
            ("mode: live", "mdoe: live"),
            "config.yaml:20:5: `mdoe` is not a known key of `routes.acme` (did you mean `mode`?)",
        ),
        (
            ("undo: 2m", "undo: 2"),
            "config.yaml:21:11: `undo` of `routes.acme` must be a duration with its unit, such as `30s`, `2m`, `1h` or "
            "`7d`, not the number `2`",
        ),
        (
            ("held_by: vendor", "held_by: vendors"),
            "config.yaml:10:14: `held_by` of `sites.vendor-jira` must be one of `customer`, `vendor`, not the text "
            "`vendors` (did you mean `vendor`?)",
        ),
        (
            ("people:\n", "people:\n  lead: {name: Another}\n"),
            "config.yaml:14:3: the key `lead` stands here twice, first in line 13 (keep one)",
        ),
        (
            ("connector: jira", "connector: jirra"),
            "config.yaml:8:16: there is no connector `jirra` (did you mean `jira`?)",
        ),
        (
            ("env:JIRA_TOKEN", "env:JIRA_TOKN"),
            "config.yaml:11:50: `token` of site `vendor-jira` is in the environment variable `JIRA_TOKN`, which is not "
            "set (did you mean `JIRA_TOKEN`?)",
        ),
        (
            ("env:JIRA_TOKEN", "file:secrets/jira"),
            "config.yaml:11:50: `token` of site `vendor-jira` is in the file `secrets/jira`, which cannot be read: no "
            "such file or directory",
        ),
        (
            ("env:JIRA_TOKEN", "abc123"),
            "config.yaml:11:50: `token` of site `vendor-jira` is a secret, and secrets do not stand in the config "
            "(write `env:` and a variable's name, or `file:` and a path)",
        ),
        (
            ("  lead:", "\tlead:"),
            "config.yaml:13:1: a tab stands where YAML takes spaces only (indent with two spaces)",
        ),
        (
            ("site: vendor-jira", "site: vendor-jra"),
            "config.yaml:19:21: `vendor-jra` is not among the `sites` (did you mean `vendor-jira`?)",
        ),
        (
            ("deputy: engineer", "deputy: enginer"),
            "config.yaml:13:63: `enginer` is not among the `people` (did you mean `engineer`?)",
        ),
        (
            ("mapping: jira-software", "mapping: jira-sofware"),
            "config.yaml:19:43: there is no pack `jira-sofware` (did you mean `jira-software`?)",
        ),
        (
            ("undo: 2m", "owner: {severty: case}"),
            "config.yaml:21:13: `severty` is not a field of this route (did you mean `severity`?)",
        ),
        (
            ("undo: 2m", "tie: newest"),
            "config.yaml:21:10: `tie` of `routes.acme` must be one of `helpdesk`, `tracker`, `hold`, not the text "
            "`newest`",
        ),
        (
            ("contract: acme.yaml", "contract: acmee.yaml"),
            "config.yaml:17:15: there is no contract `acmee.yaml` (looked for acmee.yaml)",
        ),
        (
            ("open_when: {group: Vendor 2nd line}", "open_when: Vendor"),
            "config.yaml:18:70: `open_when` must name fields and their values, not the text `Vendor`",
        ),
        (
            ("lead@vendor.example", "2"),
            'config.yaml:13:34: `email` of `people.lead` must be a text, not the number `2` (write "2" in quotes if '
            "the text is meant)",
        ),
        (
            ("undo: 2m", "shared: {reduce: {summary: highest}}"),
            "config.yaml:21:23: `summary` cannot be reduced by `highest` (only severity and priority have an order)",
        ),
        (
            ("undo: 2m", "shared: {reduce: {severty: lowest}}"),
            "config.yaml:21:23: `severty` in `reduce` is not mapped on both sides (did you mean `severity`?)",
        ),
        (
            ("undo: 2m", "shared: {fan_out: [severity]}"),
            "config.yaml:21:23: `severity` in `fan_out` does not flow both ways (say `owner: {severity: both}` as well)",
        ),
        (
            ("open_when: {group: Vendor 2nd line}}", "issue_key_field: priority}"),
            "config.yaml:18:76: `issue_key_field` names `priority`, of which the mapping speaks already (give it a field of "
            "its own, a text field that agents can see)",
        ),
        (
            ("open_when: {group: Vendor 2nd line}}", "issue_key_field: Issue, issue_url_field: Issue}"),
            "config.yaml:18:100: `issue_key_field` and `issue_url_field` name one field (give each a field of its own)",
        ),
        (
            ("undo: 2m", "follow_up: reopn"),
            "config.yaml:21:16: `follow_up` of `routes.acme` must be one of `reopen`, `new`, not the text `reopn` "
            "(did you mean `reopen`?)",
        ),
        (
            ("type: Bug}", "open_when: {labels: tell}}"),
            "config.yaml:19:73: `open_when` says which issues begin a case, and nothing says what their tickets hold "
            "(add `new_ticket: {requester: …, message: …}` beside it)",
        ),
        (
            ("type: Bug}", "new_ticket: {requester: a@b.example, message: {field: X}}}"),
            "config.yaml:19:73: `new_ticket` does not say which issues begin a case "
            "(add `open_when: {labels: {any: [tell-customer]}}`)",
        ),
        (
            ("open_when: {group: Vendor 2nd line}", "new_ticket: {requester: a@b.example}"),
            "config.yaml:18:59: `new_ticket` stands under `tracker:`, whose issues begin cases",
        ),
        (
            ("type: Bug}", "open_when: {labels: tell}, new_ticket: {requester: support, message: {field: X}}}"),
            "config.yaml:19:124: `requester` must be an e-mail address, not `support` (write an address, or `{field: "
            "NAME}` for a field of the issue that holds one)",
        ),
        (
            (
                "type: Bug}",
                'open_when: {labels: tell}, new_ticket: {requester: a@b.example, message: {command: "#x"}}}',
            ),
            "config.yaml:19:146: `message` does not say whose command makes a ticket at the customer (add `role: "
            "[lead]`)",
        ),
        (
            (
                "type: Bug}",
                'open_when: {labels: tell}, new_ticket: {requester: a@b.example, message: {command: "#x", role: leed}}}',
            ),
            "config.yaml:19:168: `leed` is not among the people of the config (did you mean `lead`?)",
        ),
        (
            (
                "type: Bug}",
                "open_when: {labels: tell}, "
                "new_ticket: {requester: a@b.example, message: {field: X}, audience: vendor}}",
            ),
            "config.yaml:19:168: a ticket made for a customer cannot be for `vendor` alone "
            "(write `audience: customer_user`)",
        ),
        (
            (
                "type: Bug}",
                "open_when: {labels: tell}, new_ticket: {requester: a@b.example, message: {field: X}, titel: {field: Y}}}",
            ),
            "config.yaml:19:158: `new_ticket` has the unknown key `titel` (did you mean `title`?)",
        ),
    ],
)
def test_one_fault_is_one_sentence_with_file_line_and_a_suggestion(
    write: Write, change: tuple[str, str], sentence: str
) -> None:
    assert faults(write(change)) == [sentence]


MAIL = "mail: {send_from: support@vendor.example, smtp: env:SMTP_URL}\npeople:"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("people:", MAIL.replace("env:SMTP_URL", "smtp://a:hush@mail.example")),
            "config.yaml:12:49: `smtp` of `mail` is a secret, and secrets do not stand in the config (write `env:` and a "
            "variable's name, or `file:` and a path)",
        ),
        (
            ("people:", MAIL.replace("SMTP_URL", "CHAT")),
            "config.yaml:12:49: `smtp` of `mail` must be an address such as `smtps://user:password@mail.vendor.example`",
        ),
        (
            ("deputy: engineer", "notify: [env:SLAK]"),
            "config.yaml:13:64: `notify` of `lead` is not an address that apprise can use (did you mean `slack`?)",
        ),
        (
            ("deputy: engineer", "notify: slack://hush/hush/hush"),
            "config.yaml:13:63: `notify` of `lead` is a secret, and secrets do not stand in the config (write `env:` and "
            "a variable's name, or `file:` and a path)",
        ),
        (
            ("deputy: engineer", "notify: env:CHATS"),
            "config.yaml:13:63: `notify` of `lead` is in the environment variable `CHATS`, which is not set (did you mean "
            "`CHAT`?)",
        ),
        (
            ("deputy: engineer", "away: true"),
            "config.yaml:13:55: `lead` is away and has no `deputy`, so nobody is told (name a `deputy` who is there)",
        ),
        (
            (
                "deputy: engineer}\n  engineer: {",
                "away: true, deputy: engineer}\n  engineer: {away: true, deputy: lead, ",
            ),
            "config.yaml:13:55: `lead` is away and everybody who stands in for them is away too, so nobody is told (name "
            "a `deputy` who is there)",
        ),
    ],
)
def test_how_people_are_told_is_proved_without_telling_a_secret(
    write: Write, change: tuple[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("CHAT", "json://robot:hush@pager.example"), ("SLAK", "slak://hush/hush/hush")):
        monkeypatch.setitem(ENVIRON, name, value)
    monkeypatch.setitem(ENVIRON, "SMTP_URL", "smtps://bridge:hush@mail.vendor.example")
    found = faults(write(change))
    assert found[0] == sentence
    assert "hush" not in "".join(found)


def test_the_config_says_in_a_sentence_who_is_told_how(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRON, "CHAT", "json://robot:hush@pager.example")
    monkeypatch.setitem(ENVIRON, "SMTP_URL", "smtps://bridge:hush@mail.vendor.example")
    path = write(("people:", MAIL), ("deputy: engineer", "away: true, deputy: engineer, notify: env:CHAT"))
    config, errors = check_config(path, environ=ENVIRON, connectors=("zendesk", "jira", "github"))
    assert errors == ()
    assert config is not None
    told = [one for one in worked_examples(config) if " of a promise " in one]
    assert told == [
        "acme: at 50% of a promise whoever the issue is assigned to, if they are among the people, is told.",
        "acme: at a breach of a promise Support Engineer (for Team Lead, who is away) by e-mail to "
        "engineer@vendor.example is told.",
    ]
    assert "hush" not in f"{worked_examples(config)} {config!r}"


def test_a_role_that_rules_name_must_be_among_the_people(write: Write) -> None:
    engineer = "\n  engineer: {name: Support Engineer, email: engineer@vendor.example}"

    assert faults(write((f", deputy: engineer}}{engineer}", "}"))) == [
        "mappings/jira-software.yaml:50:7: the mapping speaks of `engineer`, who is not among the people of the config "
        "(add `engineer` to `people:` of the config)"
    ]


def test_a_bad_timezone_is_named_with_the_contracts_file_and_line(write: Write) -> None:
    path = write(contract=CONTRACT.replace("Europe/Berlin", "Europe/Berlim"))

    assert faults(path) == ["acme.yaml:4:22: `Europe/Berlim` is not a time zone (did you mean `Europe/Berlin`?)"]


def test_a_contract_that_lacks_its_parts_is_told_each_of_them(write: Write) -> None:
    found = faults(write(contract="custommer: ACME\nperiod: {from: 2026-02-01, to: 2026-01-01}\n"))

    assert found == [
        "acme.yaml:1:1: the key `customer` is missing (add `customer:`)",
        "acme.yaml:1:1: the key `severities` is missing (add `severities:`)",
        "acme.yaml:1:1: `custommer` is not a known key (did you mean `customer`?)",
    ]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "config.yaml:1: the file is empty"),
        (b"# nothing but words\n", "config.yaml:1: the file is empty"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "config.yaml:1: this is a binary file, not YAML"),
        (
            b"sites:\n  a: \xe4\n",
            "config.yaml:2: the file is not UTF-8 text (save it as UTF-8; or is it a binary file?)",
        ),
        ("sites: {}".encode("utf-16"), "config.yaml:1: the file is saved as UTF-16 (save it as UTF-8)"),
        (b"- one\n- two\n", "config.yaml:1:1: the config must be a group of keys, not a list"),
    ],
)
def test_a_file_that_is_no_config_is_one_sentence(write: Write, raw: bytes, sentence: str) -> None:
    assert faults(write(raw=raw)) == [sentence]


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    assert faults(tmp_path / "config.yaml") == ["config.yaml:1: there is no such file"]


def test_a_small_file_that_unfolds_into_a_huge_one_is_refused(write: Write) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    assert faults(write(raw="\n".join(levels).encode())) == [
        "config.yaml:1:34: the file unfolds to more than 20000 values (use fewer aliases)"
    ]


def test_all_faults_are_found_at_once_and_loading_raises_the_first(write: Write) -> None:
    path = write(("connector: jira", "connector: jirra"), ("contract: acme.yaml", "contract: nowhere.yaml"))

    assert len(faults(path)) == 2
    with pytest.raises(ConfigurationError, match="there is no connector `jirra`") as caught:
        load_config(path, environ=ENVIRON)
    assert caught.value.place is not None
    assert caught.value.place.line == 8


def test_known_scope_keys_are_checked_and_missing_ones_named(write: Write) -> None:
    scopes = {"zendesk": {}, "jira": {"project": True, "type": False}}

    assert faults(write(("project: ACME", "projekt: ACME")), scopes) == [
        "config.yaml:19:58: `projekt` is not a known key of this side (did you mean `project`?)",
        "config.yaml:19:14: the key `project` is missing from this side (add `project:`)",
    ]


def test_no_secret_stands_in_an_error_or_in_the_printed_config(write: Write) -> None:
    config = load_config(write(), environ=ENVIRON)

    assert "j1ra" not in repr(config)
    assert "j1ra" not in config.model_dump_json()
    assert config.sites["vendor-jira"].login_values() == {"email": "bridge@vendor.example", "token": "j1ra"}
    assert faults(write(("held_by: vendor", "held_by: vendors")))[0].count("j1ra") == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", "x.yaml:3:2: this is not YAML: expected ',' or ']', but got ':' while parsing a flow "
         "sequence that began at line 2"),
        ("a: b: c\n", "x.yaml:1:5: this is not YAML: a second `: ` on this line is not allowed (quote the text, or begin "
         "a new line)"),
        ("a: *b\n", "x.yaml:1:4: undefined alias 'b': no anchor of that name stands above"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2:1: a second document begins here; a file holds one (remove the line `---`)"),
        ("%YAML 1.1\n---\na: yes\n", "x.yaml:1:1: a line that begins with `%` is not taken: every file is YAML 1.2"),
        ("a: !!python/name:os.system x\n", "x.yaml:1:4: the tag `tag:yaml.org,2002:python/name:os.system` is not taken "
         "(write the plain value)"),
        ("a: &a [*a]\n", "x.yaml:1:4: an alias stands inside of what it names"),
        ("a: {b: 1}\nc: {<<: x}\n", "x.yaml:2:5: merge keys (`<<`) are not part of YAML 1.2 (write the keys out)"),
        ("? [a]\n: b\n", "x.yaml:1:3: a key must be a plain word"),
        ("a: 2026-02-30\n", "x.yaml:1:4: there is no such day as 2026-02-30"),
        ("[" * 3000, "x.yaml:1: the file is nested too deeply to be read"),
    ],
)  # fmt: skip
def test_odd_yaml_is_one_sentence(text: str, sentence: str) -> None:
    problems = Problems()
    parse_yaml(text, shown="x.yaml", problems=problems)

    assert [str(problem) for problem in problems.found] == [sentence]


def test_yaml_is_read_as_version_1_2_reads_it() -> None:
    problems = Problems()
    item = parse_yaml(
        "no: NO\ntime: 18:00\nday: 2026-01-31\nnumber: 12\nhalf: 0.5\nyes: true\nnothing: ~\none: &x a\ntwo: &x b\n"
        "again: *x\nbig: 1_000\n2: two\n",
        shown="x.yaml",
        problems=problems,
    )

    assert problems.found == []
    assert item is not None
    plain = item.plain
    assert str(plain.pop("day")) == "2026-01-31"
    assert plain == {
        "no": "NO", "time": "18:00", "number": 12, "half": 0.5, "yes": True, "nothing": None,
        "one": "a", "two": "b", "again": "b", "big": "1_000", "2": "two",
    }  # fmt: skip


def harm(text: str, data: st.DataObject) -> str:
    """The text with a line lost, doubled or replaced by one of another place, or a few characters changed."""
    lines = text.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    kind = data.draw(st.sampled_from(["lose", "double", "swap", "insert", "indent"]))
    if kind == "lose":
        del lines[at]
    elif kind == "double":
        lines.insert(at, lines[at])
    elif kind == "swap":
        lines[at] = lines[data.draw(st.integers(0, len(lines) - 1))]
    elif kind == "indent":
        lines[at] = " " * data.draw(st.integers(0, 6)) + lines[at].strip()
    else:
        column = data.draw(st.integers(0, len(lines[at])))
        odd = data.draw(
            st.sampled_from(["[", "]", "{", "}", ": ", "- ", "null", "3", "'", '"', "&a ", "*a", "\t", "#", "x"])
        )
        lines[at] = lines[at][:column] + odd + lines[at][column:]
    return "\n".join(lines) + "\n"


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_whatever_is_done_to_a_config_every_fault_is_a_sentence_with_a_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.getbasetemp()
    text = SOUND
    for _ in range(data.draw(st.integers(1, 3))):
        text = harm(text, data)
    (directory / "acme.yaml").write_text(harm(CONTRACT, data), encoding="utf-8")
    (directory / "config.yaml").write_text(text, encoding="utf-8")

    for fault in faults(directory / "config.yaml"):
        assert "\n" not in fault
        assert fault.split(":")[0].endswith(".yaml")
        assert "j1ra" not in fault


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_whatever_is_done_to_a_pack_it_is_proved_or_refused_in_sentences(data: st.DataObject) -> None:
    text, shown = find_pack(data.draw(st.sampled_from(pack_names())))
    for _ in range(data.draw(st.integers(1, 3))):
        text = harm(text, data)
    problems = Problems()
    item = parse_yaml(text, shown=shown, problems=problems)
    if item is None:
        assert problems.found
        return
    side, held_by = data.draw(st.sampled_from(Side)), data.draw(st.sampled_from(HeldBy))
    mapping = compile_side(item, name="harmed", side=side, helpdesk_held_by=held_by, problems=problems)
    check_side(mapping, problems)
    run_examples(mapping, problems)

    assert all("\n" not in str(problem) and problem.place is not None for problem in problems.found)


def test_a_webhook_that_nothing_listens_for_is_said_with_its_place(tmp_path: Path) -> None:
    text = SOUND.replace("held_by: vendor\n", "held_by: vendor\n    webhook: {secret: env:HOOK}\n", 1)
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    _, problems = check_config(tmp_path / "config.yaml", environ={**ENVIRON, "HOOK": "x" * 32})
    assert "has a webhook, and nothing listens for it" in str(problems[0])
    assert problems[0].place is not None
    assert problems[0].place.line > 0


def wrong(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "acme.yaml").write_text(CONTRACT, encoding="utf-8")
    return [str(problem) for problem in check_config(tmp_path / "config.yaml", environ=ENVIRON)[1]]


def test_a_webhook_to_register_needs_an_address_the_outside_reaches(tmp_path: Path) -> None:
    text = SOUND.replace("held_by: vendor\n", "held_by: vendor\n    webhook: {register: true}\n", 1)
    problems = wrong(tmp_path, text + "listen: {port: 8800}\n")
    assert len(problems) == 1
    assert "cannot be registered without an address" in problems[0]
    assert "public_url" in problems[0]


def test_a_webhook_without_secret_and_register_says_what_it_needs(tmp_path: Path) -> None:
    text = SOUND.replace("held_by: vendor\n", "held_by: vendor\n    webhook: {register: false}\n", 1)
    problems = wrong(tmp_path, text + "listen: {port: 8800}\n")
    assert len(problems) == 1
    assert "register: true" in problems[0]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("heartbeat: {url: env:NOWHERE}", "environment variable `NOWHERE`"),
        ("heartbeat: {url: not-an-address}", "https://"),
        ('sweep: {at: "25:00"}', "time of day"),
        ("sweep: {every: 0s}", "greater"),
        ("public_url: bridge.vendor.example", "public_url"),
    ],
)
def test_what_watches_is_checked_too(tmp_path: Path, line: str, says: str) -> None:
    problems = wrong(tmp_path, SOUND + line + "\n")
    assert len(problems) == 1
    assert says in problems[0]


def test_a_ticket_that_says_nothing_is_told_what_it_lacks(write: Write) -> None:
    found = faults(write(("type: Bug}", "open_when: {labels: tell}, new_ticket: {}}")))

    assert [sentence.partition(": ")[2] for sentence in found] == [
        "`new_ticket` does not say who asks for the ticket (add `requester:`)",
        "`new_ticket` does not say where the words for the customer stand (add `message:`)",
    ]
