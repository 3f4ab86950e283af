"""Logs: one line per fact, with the request id and trace it belongs to; JSON when deployed."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Literal, Protocol

from shared import context
from shared.lean import without

with without("rich"):  # for tracebacks that print the values of variables: we show plain ones
    import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

SECRET_WORDS = ("password", "secret", "token", "card", "cookie", "authorization")


def _add_context(_: Any, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    at_hand = context._current.get()
    if at_hand is not None:
        line.setdefault("request_id", at_hand.correlation)
        line.setdefault("trace", at_hand.traceparent.split("-")[1])
    return line


def _hide_secrets(_: Any, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name in line:
        if any(word in name.lower() for word in SECRET_WORDS):
            line[name] = "[hidden]"
    return line


def set_up(service: str, *, style: Literal["console", "json"], level: str) -> None:
    """Send our own and the libraries' logs to standard output in one form."""
    steps, renderer = _steps(service, style)
    handler = logging.StreamHandler(sys.stdout)
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=steps, processors=last)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("pika", "httpx", "httpcore", "uvicorn.error", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    structlog.configure(
        # What nobody will read is dropped before anything is made of it.
        processors=[
            structlog.stdlib.filter_by_level,
            *steps,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class Stream(Protocol):
    """What takes lines."""

    def write(self, text: str, /) -> object: ...  # noqa: D102
    def flush(self) -> object: ...  # noqa: D102


def write_to(stream: Stream) -> None:
    """From now on, write the lines there; for a process that must not wait for its output."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(stream)


def _steps(service: str, style: str) -> tuple[list[Processor], Processor]:
    steps: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _add_context,
        _hide_secrets,
    ]
    if style == "json":
        steps.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
        steps.append(structlog.processors.format_exc_info)
        steps.append(_named(service))
        return steps, structlog.processors.JSONRenderer()
    steps.append(structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False))
    # Plain tracebacks: pretty ones print the values of variables, and are slow.
    return steps, structlog.dev.ConsoleRenderer(
        colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )


def _named(service: str) -> Processor:
    def add(_: Any, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        line["service"] = service
        return line

    return add


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger for the module `name`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
