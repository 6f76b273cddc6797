"""Connectors are found by name through their entry points."""

import pytest

from bridge.connect.registry import find_kind, find_kinds
from bridge.errors import ConfigurationError, Place


def test_an_unknown_connector_is_named_with_the_nearest_one():
    with pytest.raises(ConfigurationError) as raised:
        find_kind("zendes", Place("config.yaml", 7, 16))
    assert str(raised.value) == "config.yaml:7:16: there is no connector 'zendes' (did you mean zendesk?)"


def test_a_connector_that_resembles_none_is_told_what_is_installed():
    with pytest.raises(ConfigurationError, match=r"installed: github, jira, zendesk"):
        find_kind("redmine")


def test_installed_connectors_are_found_by_name():
    assert list(find_kinds()) == ["github", "jira", "zendesk"]
