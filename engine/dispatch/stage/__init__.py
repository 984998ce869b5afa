"""Stage 5: due actions get their content and go out once, through adapters; the attempt is committed before any I/O.

`prepare` writes what is due; `send` takes it in batches (take), hands it to adapters (lane) and writes what came of it
(finish); `recover` takes up what a run that ended abruptly left behind.
"""

from engine.dispatch.stage.prepare import prepare
from engine.dispatch.stage.send import send

__all__ = ["prepare", "send"]
