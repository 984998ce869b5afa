"""A large file is read by a process of its own, beside the one that writes to the store."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Generator
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import BinaryIO, cast

from engine.errors import IngestError
from engine.ingest import portions
from engine.ingest.portions import Asked, Portion

LARGE = 1_500_000
"""Bytes from which on a process of its own pays: to start it takes as long as to read some thousands of rows."""
_AHEAD = 1 << 20  # bytes that it may be ahead: a few portions
_ROOT = str(Path(portions.__file__).parents[2])  # an editable install finds us in ways of its own
_CHILD = """
import gc, signal, sys
gc.disable()
signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # it ends with whoever asked
from engine.ingest.portions import answer
answer(sys.stdin.buffer, sys.stdout.buffer)
"""


def told(asked: Asked) -> Generator[Portion]:
    """What `portions.told` tells. Close it, and the process is gone. Raises IngestError, as it does.

    When the process says nothing at all, be it that there is none or that the file is wrong, the file is read here.
    """
    said = _told(asked)
    first = next(said, None) if len(asked.data) >= LARGE else None
    if first is None:
        yield from portions.told(asked)
    else:
        yield first
        yield from said


def _told(asked: Asked) -> Generator[Portion]:
    # -P: nothing that lies in the folder is taken for a module. -S: it has our paths, and starts in half the time.
    command = [sys.executable, "-P", "-S", "-c", _CHILD]
    begun = False
    try:  # a group of its own: Ctrl-C is for whoever asked
        paths = [*(one or str(Path.cwd()) for one in sys.path), _ROOT]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        with Popen(  # noqa: S603 - our own words
            command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, pipesize=_AHEAD, process_group=0, env=env
        ) as child:
            question, reply = cast("BinaryIO", child.stdin), cast("BinaryIO", child.stdout)
            try:
                pickle.dump(asked, question, pickle.HIGHEST_PROTOCOL)
                question.close()
                while (one := pickle.load(reply)) is not None:  # noqa: S301 - from a process of our own
                    yield one
                    begun = True
            finally:
                child.kill()
    except (OSError, EOFError, pickle.UnpicklingError):
        if begun:
            text = "the process that read it has ended; what was stored stays (hint: ingest the file again)"
            raise IngestError(text, file=asked.name) from None
