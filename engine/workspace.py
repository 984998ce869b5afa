"""A workspace: the folder of one shop, with its configuration, rules, templates and database."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from engine.config import FILE
from engine.errors import Fault, RuleError, UsageError

RULES, TEMPLATES, INBOX, REJECTS = "rules", "templates", "inbox", "rejects"
KEY_FILE = "premura.key"
_MEANT = {  # what editors make of an ending, and what is forgotten of one
    RULES: re.compile(r"(?i)\.toml(\.txt)?$"),
    TEMPLATES: re.compile(r"(?i)\.j2(\.txt)?$|(?<=\.txt)$|(?<=\.html)$"),
}


def shipped() -> Path:
    """Where rules, templates and the example configuration lie: beside the code in a wheel, above it in a checkout."""
    package = Path(__file__).parent
    return package / "shipped" if (package / "shipped").is_dir() else package.parent


def init(folder: Path) -> list[str]:
    """Lay out a new workspace; what is there already is left alone. Returns the files made, relative to it."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; a workspace is a folder")
    for name in ("", RULES, TEMPLATES, INBOX):
        (folder / name).mkdir(parents=True, exist_ok=True)
    made = []
    source = shipped()
    for name, path in [(FILE, source / "config.example.toml"), *_shipped_files(source)]:
        target = folder / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
            made.append(name)
    if not (folder / KEY_FILE).exists():
        write_key(folder, secrets.token_hex(32))
        made.append(KEY_FILE)
    return made


def write_key(folder: Path, key: str) -> None:
    """Keep the workspace's key where only its owner reads it: it makes codes, lots and hashes that nobody can guess."""
    path = folder / KEY_FILE
    path.touch(mode=0o600)
    path.write_text(key + "\n", encoding="utf-8")


def _shipped_files(source: Path) -> Iterator[tuple[str, Path]]:
    for part in (RULES, TEMPLATES):
        for path in sorted((source / part).rglob("*")):
            if path.suffix in (".toml", ".j2"):
                yield str(path.relative_to(source)), path


def read_rules(folder: Path) -> dict[str, str]:
    """The rule files of a workspace: name relative to it -> text. Raises RuleError for what is no text."""
    return _texts(folder, RULES, "*.toml")


def read_templates(folder: Path) -> dict[str, str]:
    """The templates of a workspace: name relative to templates/ -> text. Raises RuleError for what is no text."""
    texts = _texts(folder, TEMPLATES, "*.j2")
    return {name.removeprefix(TEMPLATES + "/"): text for name, text in texts.items()}


def unread(folder: Path) -> Iterator[Fault]:
    """Files that their owner will take for rules or templates, and whose names keep them from being read."""
    for part, ending, code in ((RULES, ".toml", "R001"), (TEMPLATES, ".j2", "T007")):
        for path in sorted((folder / part).rglob("*")):
            name = path.relative_to(folder).as_posix()
            meant = _MEANT[part].sub(ending, name, count=1)
            if path.is_file() and not path.name.startswith(".") and meant != name:
                yield Fault(file=name, code=code, text="is not read, because of its name", hint=f"rename it to {meant}")


def read_text(folder: Path, name: str) -> str | Fault:
    """The text of a rule or template, by its name relative to the workspace, or why it has none."""
    code = "R001" if name.startswith(RULES) else "T001"
    try:
        return (folder / name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Fault(file=name, line=line, code=code, text="is not UTF-8 text", hint="save it as UTF-8")
    except OSError as error:
        return Fault(file=name, code=code, text=f"cannot be read ({error.strerror})", hint="who may read it?")


def _texts(folder: Path, part: str, pattern: str) -> dict[str, str]:
    paths = sorted(path for path in (folder / part).rglob(pattern) if path.is_file())  # not an editor's lock
    found = {name: read_text(folder, name) for name in (path.relative_to(folder).as_posix() for path in paths)}
    if faults := [text for text in found.values() if isinstance(text, Fault)]:
        raise RuleError(faults)
    return {name: str(text) for name, text in found.items()}
