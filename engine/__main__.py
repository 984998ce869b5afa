"""The command `premura`, also as `python -m engine`."""

from __future__ import annotations

import gc

GARBAGE = (50_000, 20, 20)
"""How seldom cyclic garbage is looked for: thousands of facts at a time make none, and an eighth of the time goes."""


def main() -> None:
    """Run the command line and leave with its exit code: 0 done, 1 failed at work, 2 wrong usage or configuration."""
    gc.set_threshold(*GARBAGE)
    from engine.cli import run

    code = run()
    gc.freeze()  # what there is goes with the process: to look through it once more takes a tenth of a second
    raise SystemExit(code)


if __name__ == "__main__":
    main()
