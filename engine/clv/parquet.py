"""A Parquet file as blocks of texts: what it says in types of its own is written as ingest would read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from engine.clv.blocks import Block
from engine.errors import IngestError

MAGIC = b"PAR1"
_ROWS = 1 << 19


def schema(path: Path) -> Mapping[str, pl.DataType]:
    """The columns and their types. Raises IngestError when the file is broken."""
    try:
        return pl.read_parquet_schema(path)
    except (PolarsError, OSError) as error:
        raise _broken(error, path) from None


def read(path: Path, columns: Mapping[str, str]) -> Iterator[Block]:
    """Its rows; row 1 is the first one. Raises IngestError when a column is a list, or the file is broken."""
    types = schema(path)
    texts = [_texts(ours, theirs, types[theirs], path) for ours, theirs in columns.items()]
    try:
        frame = pl.scan_parquet(path, glob=False).select(texts).collect()
    except (PolarsError, OSError) as error:
        raise _broken(error, path) from None
    for start in range(0, len(frame), _ROWS):
        some = frame.slice(start, _ROWS)
        yield Block(texts=some, line=np.arange(len(some)), lines=len(some))


def _texts(ours: str, theirs: str, kind: pl.DataType, path: Path) -> pl.Expr:
    column = pl.col(theirs)
    if kind.is_nested() or kind in (pl.Binary, pl.Object, pl.Boolean, pl.Time, pl.Duration):
        raise IngestError(f"cannot be {ours}: it holds {kind}", file=path.name, column=theirs)
    if isinstance(kind, pl.Datetime):
        column = column.dt.date()
    if kind.is_float() and ours == "customer":  # how a table with gaps keeps whole numbers
        whole = column.cast(pl.Int64, strict=False)
        column = pl.when(whole == column).then(whole.cast(pl.String)).otherwise(column.fill_nan(None).cast(pl.String))
    return column.cast(pl.String).str.strip_chars().alias(ours)


def _broken(error: Exception, path: Path) -> IngestError:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return IngestError(f"cannot be read as Parquet ({said[0]})", file=path.name)
