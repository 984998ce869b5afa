"""The words of errors."""

from __future__ import annotations

from engine.errors import ConfigError, DeliveryError, EngineError, Fault, IngestError, RuleError


def test_a_fault_is_one_line_with_place_and_hint() -> None:
    fault = Fault(file="rules/a.toml", line=3, column=7, code="R001", text="is wrong", hint="right it")

    assert str(fault) == "rules/a.toml:3:7: R001 is wrong (hint: right it)"
    assert str(Fault(file="premura.toml", code="P100", text="is wrong")) == "premura.toml: P100 is wrong"


def test_faults_come_together_in_the_order_of_their_places() -> None:
    late = Fault(file="b", line=9, code="R1", text="two")
    early = Fault(file="b", line=2, code="R2", text="one")

    error = RuleError([late, early])

    assert error.faults == (early, late)
    assert str(error).splitlines() == ["b:2: R2 one", "b:9: R1 two"]
    assert (ConfigError([]).exit_code, EngineError().exit_code) == (2, 1)


def test_an_ingest_error_names_file_row_and_column() -> None:
    assert str(IngestError("is empty", file="a.csv", row=2, column="date")) == "a.csv:2 column 'date': is empty"


def test_a_delivery_error_says_what_may_be_done() -> None:
    error = DeliveryError("busy", retry_after=30.0)

    assert (error.permanent, error.retry_after, error.ambiguous) == (False, 30.0, False)
