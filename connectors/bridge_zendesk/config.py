"""What an admin writes under `login:` of a Zendesk site."""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator


class ZendeskLogin(BaseModel):
    """An agent's address with an API token, or an OAuth token. `expires` is when the token ends, to be warned of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: str = ""
    token: SecretStr | None = None
    oauth_token: SecretStr | None = None
    expires: date | None = None

    @model_validator(mode="after")
    def _is_one_way_in(self) -> Self:
        if self.oauth_token is not None:
            if self.token is not None or self.email:
                raise ValueError("give either email and token, or oauth_token, not both")
        elif self.token is None or not self.email:
            raise ValueError("give email and token, or oauth_token")
        return self
