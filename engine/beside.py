"""A second process of our own, for what can be done beside this one."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import BinaryIO, cast

_AHEAD = 1 << 20  # bytes that it may have said before anybody listens
_ROOT = str(Path(__file__).parents[1])  # an editable install finds us in ways of its own
_CHILD = """
import gc, signal, sys
gc.disable()
gc.set_threshold(*{garbage})
signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # it ends with whoever asked
from {module} import answer
answer(sys.stdin.buffer, sys.stdout.buffer)
"""


@contextmanager
def beside(module: str) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """A process that runs `answer(question, reply)` of a module of ours: where it is asked, and where it replies.

    It looks for no cyclic garbage unless it says so itself, and then as seldom as this one, and is gone when the block
    ends. Raises OSError when it cannot be started, or when it is asked and there no more.
    """
    # -P: nothing that lies in the folder is taken for a module. -S: it has our paths, and starts in half the time.
    command = [sys.executable, "-P", "-S", "-c", _CHILD.format(module=module, garbage=gc.get_threshold())]
    paths = [*(one or str(Path.cwd()) for one in sys.path), _ROOT]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with Popen(  # noqa: S603 - our own words. A group of its own: Ctrl-C is for whoever asked
        command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, pipesize=_AHEAD, process_group=0, env=env
    ) as child:
        question, reply = cast("BinaryIO", child.stdin), cast("BinaryIO", child.stdout)
        try:
            yield question, reply
        finally:
            child.kill()
            with suppress(OSError):  # of what it was not there any more to hear
                question.close()
