"""What operators see while bridge runs: structured logs."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog


def configure_logs(*, form: Literal["console", "json"] = "console", level: str = "INFO") -> None:
    """Send every log line to standard error, for people (`console`) or machines (`json`)."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
