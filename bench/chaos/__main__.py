"""Kill the workers, count what arrives: python -m bench.chaos --actions 50000 --kills 500 --seed 1.

Three shops at the same time: one posts its tasks to a receiver that takes each key once, one to a receiver that does
not, and one gives them to a provider that can be asked.
The exit code is 1 when a promise was not kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.chaos import page
from bench.chaos.run import run


def main() -> int:
    """Run, print, say whether every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--actions", type=int, default=50_000, help="of all shops together, about (50000)")
    parser.add_argument("--kills", type=int, default=500, help="of all shops together (500)")
    parser.add_argument("--seed", type=int, default=1, help="draws the faults and the hours of death (1)")
    parser.add_argument("--rate", type=float, default=0.03, help="of requests that something happens to (0.03)")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite", help="(sqlite)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into this document, where it says so")
    asked = parser.parse_args()
    found = run(actions=asked.actions, kills=asked.kills, seed=asked.seed, rate=asked.rate, store=asked.store)
    print(json.dumps(found, indent=1) if asked.json else page.table(found))
    for text in found["broken"]:
        print(f"BROKEN: {text}", file=sys.stderr)
    if asked.write:
        page.write(asked.write, found)
    return 1 if found["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
