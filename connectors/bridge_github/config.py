"""What an admin writes about a GitHub site."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, SecretStr


class GitHubLogin(BaseModel):
    """A personal access token (classic `repo`, or fine-grained: Issues read and write, Metadata read; Contents read
    too where releases are watched). `expires` is the day it ends, as GitHub showed when it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr
    expires: date | None = None
