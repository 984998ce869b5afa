"""The daemon's log: one JSON document a line, without personal data and without secrets."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import structlog
from structlog.processors import JSONRenderer, TimeStamper, add_log_level
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, FilteringBoundLogger, Processor


@contextmanager
def logging_to(stream: TextIO) -> Iterator[FilteringBoundLogger]:
    """A logger on a stream, for as long as it is used. What libraries say is told without their words, which may hold a
    customer's."""
    finish: list[Processor] = [TimeStamper(fmt="iso", utc=True), JSONRenderer()]
    libraries = logging.StreamHandler(stream)
    libraries.setLevel(logging.WARNING)
    libraries.setFormatter(ProcessorFormatter(processors=[_place_only, *finish]))
    logging.getLogger().addHandler(libraries)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that waits its turn is no news
    try:
        yield structlog.wrap_logger(structlog.PrintLogger(stream), processors=[add_log_level, *finish])
    finally:
        logging.getLogger().removeHandler(libraries)


def _place_only(_logger: object, _method: str, event: EventDict) -> EventDict:
    record: logging.LogRecord = event["_record"]
    where = f"{record.module}, line {record.lineno}"
    return {"event": "library", "level": record.levelname.lower(), "library": record.name, "where": where}
