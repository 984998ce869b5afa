"""Tasks as files in a folder."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from engine.adapters.task_file import TaskFile
from engine.core.messages import Task
from engine.dispatch.port import Receipt
from engine.errors import DeliveryError
from tests.adapters.tasks import TASK, message


def send(folder: Path, task: Task = TASK, key: str = "k1") -> Receipt:
    return asyncio.run(TaskFile(folder).send(message(task, key=key)))


def test_a_task_is_a_file_that_says_when_and_for_whom(tmp_path: Path) -> None:
    receipt = send(tmp_path / "out" / "tasks")
    assert receipt.delivered
    assert receipt.provider_ref.startswith("2026-03-14T0830Z.C-1.")
    written = (tmp_path / "out" / "tasks" / receipt.provider_ref).read_text(encoding="utf-8")
    assert written == f"# {TASK.title}\n\n{TASK.text}\n"


def test_the_same_action_is_one_file_and_another_is_another(tmp_path: Path) -> None:
    assert send(tmp_path) == send(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    send(tmp_path, key="k2")
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_done_does_not_come_again(tmp_path: Path) -> None:
    name = send(tmp_path).provider_ref
    (tmp_path / "done").mkdir()
    (tmp_path / name).rename(tmp_path / "done" / name)
    assert send(tmp_path).provider_ref == name
    assert [path.name for path in tmp_path.iterdir()] == ["done"]


def test_a_customers_number_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    send(tmp_path / "tasks", replace(TASK, reference="../../etc/x y"))
    assert [path.name for path in tmp_path.iterdir()] == ["tasks"]
    (path,) = (tmp_path / "tasks").iterdir()
    assert ".._.._etc_x_y." in path.name


def test_a_disk_that_refuses_is_worth_another_try(tmp_path: Path) -> None:
    (tmp_path / "tasks").write_text("a file where the folder should be")
    with pytest.raises(DeliveryError, match=r"cannot be written to .*tasks") as failure:
        send(tmp_path / "tasks")
    assert (failure.value.permanent, failure.value.ambiguous) == (False, False)
