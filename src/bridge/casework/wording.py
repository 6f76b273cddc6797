"""How a customer update reads: a Jinja template per kind and language, with the engineer's own text set into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import TemplateError, TemplateNotFound
from jinja2.sandbox import SandboxedEnvironment

from bridge.errors import ConfigurationError
from bridge.model.document import Document, doc, from_plain

BODY = "\x02body\x03"
"""Stands in the rendered template where the engineer's text goes. Texts never contain it: it is control characters."""


@dataclass(frozen=True, slots=True)
class Update:
    """What is to be said: `kind` names the template, `body` is the engineer's text, `facts` fill the template."""

    kind: str
    body: Document
    facts: Mapping[str, str]


def word_update(update: Update, *, templates: SandboxedEnvironment, language: str) -> Document:
    """Render an update in `language` (English where there is no such template).

    The engineer's text enters as a tree, never as template source, so nothing in it can be executed or escape.
    Raises ConfigurationError when a template is missing or broken.
    """
    try:
        template = templates.select_template([f"{language}/{update.kind}.j2", f"en/{update.kind}.j2"])
        words = template.render({**update.facts, "body": BODY})
    except TemplateNotFound as error:
        raise ConfigurationError(f"There is no template for customer updates of kind {update.kind}.") from error
    except TemplateError as error:
        raise ConfigurationError(f"The template for {update.kind} updates cannot be rendered: {error}") from error
    before, mark, after = words.partition(BODY)
    blocks = [*from_plain(before.strip()).children]
    blocks += update.body.children if mark else ()
    blocks += from_plain(after.strip()).children
    return doc(*blocks)
