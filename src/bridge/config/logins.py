"""A site's login, as its connector understands it."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bridge.config.faults import note_faults
from bridge.config.shape import Config
from bridge.mapping.source import Problems

Login = TypeVar("Login", bound=BaseModel)


def read_login(config: Config, site: str, model: type[Login]) -> Login:
    """The login of `site`, validated by its connector's own `model`, secrets in the clear.

    Raises ConfigurationError with the place in the config.
    """
    try:
        return model.model_validate(config.sites[site].login_values())
    except ValidationError as error:
        problems = Problems()
        note_faults(error, config.source.find(("sites", site, "login")), model, problems)
        raise problems.found[0] from None
