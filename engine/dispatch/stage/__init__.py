"""Stage 5: due actions get their content and go out once, through adapters; the attempt is committed before any I/O.

`prepare` writes what is due. `send` first takes up what a run that ended abruptly left behind (recover, settle, ask).
Then every adapter has a lane: as much as its rate and its breaker let through (admit) is taken in batches, after
everything was asked again (take, together), and handed over (attempt); what came of it is written (finish).
"""

from engine.dispatch.stage.prepare import prepare
from engine.dispatch.stage.send import send

__all__ = ["prepare", "send"]
