"""The limit that bench/store.py stands beside: Python's sqlite3 alone reads and writes the same, and reckons nothing.

python -m bench.store_side STORE SCORED prints seconds. STORE is as it was before the run of ours that SCORED comes
from: the columns that score reads of each sale are fetched from it, and the rows of SCORED written over its own in one
transaction. What is written is in memory before the clock starts.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from time import perf_counter, process_time

from engine.store.session import PRAGMAS

_SALES = """SELECT customer_id, day, amount_minor FROM txn
            WHERE day <= 3652059 AND currency = 'EUR' AND cost_minor IS NULL AND sale_day = 0"""
_AT_ONCE = 10_000


def main() -> None:
    """Read, write, print one JSON document."""
    store, scored = (sqlite3.connect(name, isolation_level=None) for name in sys.argv[1:])
    for pragma in ("journal_mode=WAL", *PRAGMAS):
        store.execute(f"PRAGMA {pragma}")
    rows = scored.execute("SELECT * FROM score ORDER BY customer_id")
    names = [column[0] for column in rows.description]
    values = rows.fetchall()
    upsert = (
        f"INSERT INTO score ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "  # noqa: S608 - names of a table
        f"ON CONFLICT (customer_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names[1:])}"
    )
    worked, start = process_time(), perf_counter()
    sales, cursor = 0, store.execute(_SALES)
    while some := cursor.fetchmany(_AT_ONCE):
        sales += len(some)
    read = perf_counter()
    store.execute("BEGIN IMMEDIATE")
    store.executemany(upsert, values)
    store.execute("COMMIT")
    wrote = perf_counter()
    cpu = process_time() - worked
    store.close()
    print(json.dumps({"read": read - start, "write": wrote - read, "cpu": cpu, "sales": sales, "rows": len(values)}))


if __name__ == "__main__":
    main()
