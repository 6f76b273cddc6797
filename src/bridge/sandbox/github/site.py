"""The simulated GitHub as one site: every part of it stacked, each knowing only those below."""

from __future__ import annotations

from bridge.sandbox.github.search import Search


class GitHubSite(Search):
    """One GitHub account with its repositories. Settings are listed at `Account`.

    The token `sandbox` is bridge's account `vendor-bridge`; `sandbox:<login>` is that user's.
    """
