"""The command `premura`, also as `python -m engine`."""

from __future__ import annotations


def main() -> None:
    """Run the command line and leave with its exit code: 0 done, 1 failed at work, 2 wrong usage or configuration."""
    from engine.cli import run

    raise SystemExit(run())


if __name__ == "__main__":
    main()
