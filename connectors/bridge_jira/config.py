"""How bridge logs in at a Jira site."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator


class JiraLogin(BaseModel):
    """`email` and an API `token` on Cloud; a personal access `token` alone on Data Center. `expires`: when the token
    does, so that its owner is warned in time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: str = ""
    token: SecretStr
    expires: date | None = None
    deployment: Literal["cloud", "datacenter"] = "cloud"

    @model_validator(mode="after")
    def _names_an_account(self) -> Self:
        if self.deployment == "cloud" and not self.email:
            raise ValueError("Jira Cloud needs an email beside the token (or say `deployment: datacenter`)")
        if self.deployment == "datacenter" and self.email:
            raise ValueError("Jira Data Center takes a personal access token alone: leave the email out")
        return self

    @property
    def cloud(self) -> bool:
        """Whether the site is Jira Cloud."""
        return self.deployment == "cloud"
