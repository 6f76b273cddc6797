"""A simulated GitHub: repositories with issues, comments, labels, milestones, events, releases, hooks and limits.

What belongs here: what GitHub's REST API answers about issues, in its words and shapes. What does not: code, pull
request contents, GraphQL (what only GraphQL can do, transfer and delete, are methods of the site for tests to call).
"""

from bridge.sandbox.github.site import GitHubSite

__all__ = ["GitHubSite"]
