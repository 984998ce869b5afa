"""The daemon's log, without personal data and without secrets: one JSON document a line, on a terminal key=value.

docs/operations.md lists the events; their names are stable, so that one can search for them.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.processors import JSONRenderer, KeyValueRenderer, TimeStamper, add_log_level
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from engine.store.outbox import Result


@contextmanager
def logging_to(stream: TextIO) -> Iterator[FilteringBoundLogger]:
    """A logger on a stream, for as long as it is used. What libraries say is told without their words, which may hold a
    customer's: their log, their warnings, and what they let fall in a thread of their own."""
    order = ["timestamp", "level", "event"]
    render = KeyValueRenderer(key_order=order, repr_native_str=False) if stream.isatty() else JSONRenderer()
    finish: list[Processor] = [TimeStamper(fmt="iso", utc=True), render]
    libraries = logging.StreamHandler(stream)
    libraries.setLevel(logging.WARNING)
    libraries.setFormatter(ProcessorFormatter(processors=[_place_only, *finish]))
    logging.getLogger().addHandler(libraries)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that waits its turn is no news
    logging.captureWarnings(True)
    logger = structlog.wrap_logger(structlog.WriteLogger(stream), processors=[add_log_level, *finish])
    try:
        with _told_of_falls(logger):
            yield logger
    finally:
        logging.captureWarnings(False)
        logging.getLogger().removeHandler(libraries)


def sends_to(log: FilteringBoundLogger) -> Callable[[Result, bool], None]:
    """Tells of each attempt by the action's id. What the provider said is in the store: it may name the customer."""

    def tell(result: Result, is_ours: bool) -> None:
        said = {
            "action": result.due.public_id,
            "adapter": result.due.adapter,
            "channel": result.due.channel,
            "rule": result.due.rule_id,
            "attempt": result.due.attempts + 1,
            "state": result.state,
        }
        name = result.outcome.replace(" ", "_") if is_ours else "late"
        speak = log.info if name == "accepted" else log.warning
        with suppress(OSError):  # a full disk or a reader that has gone costs a line, and no message
            speak(f"send.{name}", **said)

    return tell


@contextmanager
def _told_of_falls(log: FilteringBoundLogger) -> Iterator[None]:
    """What nobody catches, in a thread or in an object that goes, would be printed with all its words."""

    def tell(fault: Any) -> None:
        log.error("fault", error=fault.exc_type.__name__, where=_last(fault.exc_traceback))

    before = threading.excepthook, sys.unraisablehook
    threading.excepthook = sys.unraisablehook = tell
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = before


def _last(trace: TracebackType | None) -> str:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).stem}, line {trace.tb_lineno}" if trace else ""


def _place_only(_logger: object, _method: str, event: EventDict) -> EventDict:
    record: logging.LogRecord = event["_record"]
    where = f"{record.module}, line {record.lineno}"
    return {"event": "library", "level": record.levelname.lower(), "library": record.name, "where": where}
