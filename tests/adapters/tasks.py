"""A task for tests."""

from __future__ import annotations

from engine.core.messages import Task
from engine.dispatch.port import Message

TASK = Task(
    title="Chiamare Giulia D'Amico",
    text="Ha reclamato: la caldaia perde ancora.",
    customer="Giulia D'Amico",
    reference="C-1",
    why="Put a complaint right",
    until="2026-03-16T08:30:00+00:00",
    sender_name="Bottega",
    sender_address="ciao@shop.example",
    message_id="<a1@shop.example>",
    date="Sat, 14 Mar 2026 09:30:00 +0100",
)


def message(task: Task = TASK, *, key: str = "care:C-1:2026:call") -> Message:
    """It, on its way out."""
    return Message(action="0199-a1", key=key, customer=task.reference, body=task.to_json())
