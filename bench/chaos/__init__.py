"""The crash run: workers are killed at random while a sink counts what arrives. See docs/reliability.md."""
