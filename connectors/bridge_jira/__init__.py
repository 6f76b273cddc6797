"""The connector to Jira, Cloud and Data Center, on the `jira` client library.

What belongs here: everything only Jira knows, from its login to its workflows. What does not: routes, mappings, contracts
and the ledger, of which a connector knows nothing; other vendors.
"""

from bridge_jira.connector import KIND, JiraConnector, JiraKind

__all__ = ["KIND", "JiraConnector", "JiraKind"]
