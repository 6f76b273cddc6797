"""The demo's config: two customers with a Zendesk each, one served from Jira, one from GitHub."""

from __future__ import annotations

from collections.abc import Mapping

CONFIG = """\
language: en
sites:
  acme-desk:
    connector: zendesk
    url: {acme-desk}
    held_by: customer
    login: {{email: bridge@vendor.example, token: env:SANDBOX_TOKEN}}
    limits: {{deadline: 2s, processing: 1s, index_lag: 1s, documented: false}}
    content_hosts: [localhost]
    poll: 1s
  globex-desk:
    connector: zendesk
    url: {globex-desk}
    held_by: customer
    login: {{email: bridge@vendor.example, token: env:SANDBOX_TOKEN}}
    limits: {{deadline: 2s, processing: 1s, index_lag: 1s, documented: false}}
    content_hosts: [localhost]
    poll: 1s
  vendor-jira:
    connector: jira
    url: {vendor-jira}
    held_by: vendor
    login: {{email: bridge@vendor.example, token: env:SANDBOX_TOKEN}}
    limits: {{deadline: 2s, processing: 1s, index_lag: 1s, documented: false}}
    content_hosts: [localhost]
    poll: 1s
  vendor-github:
    connector: github
    url: {vendor-github}
    held_by: vendor
    login: {{token: env:SANDBOX_TOKEN}}
    limits: {{deadline: 2s, processing: 1s, index_lag: 1s, documented: false}}
    content_hosts: [localhost]
    poll: 1s
people:
  lead: {{name: Team Lead, email: lead@vendor.example, accounts: {{vendor-github: lead}}}}
  engineer: {{name: Support Engineer, email: engineer@vendor.example, accounts: {{vendor-github: engineer}}}}
routes:
  acme:
    helpdesk: {{site: acme-desk, mapping: zendesk-default, open_when: {{group: Vendor 2nd line}}}}
    tracker: {{site: vendor-jira, mapping: jira-software, project: ACME, type: Bug}}
    mode: live
    undo: 0s
  globex:
    helpdesk: {{site: globex-desk, mapping: zendesk-default, open_when: {{group: Vendor 2nd line}}}}
    tracker: {{site: vendor-github, mapping: github-labels, repository: vendor/platform}}
    mode: live
    undo: 0s
store: {{directory: data}}
engine: {{workers: 4}}
"""

SITES = {
    "acme-desk": "zendesk",
    "globex-desk": "zendesk",
    "vendor-jira": "jira-cloud",
    "vendor-github": "github",
}
SERVES = {"acme-desk": "vendor-jira", "globex-desk": "vendor-github"}


def config_text(urls: Mapping[str, str]) -> str:
    """The config for sites at these addresses."""
    return CONFIG.format_map(urls)
