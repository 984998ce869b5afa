"""Where in a TOML text things are: the place of every key and value, for error messages.

The text must be TOML that `tomllib` accepts, so this only finds its way; it does not check. Offsets count characters of
the text with line ends as "\\n", which is how tomllib reads it.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

Path = tuple[str | int, ...]
_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_KEY = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|[A-Za-z0-9_-]+')
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"""(?!")|\'\'\'.*?\'\'\'(?!\')|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL)
_PLAIN = re.compile(r"[^,\]}#\n]+")
_JOINT = re.compile(r"\\[ \t]*\n[ \t\n]*")
_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|.)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Offsets: of the key (or of the table's header), and of the value, first character to one past the last."""

    key: int
    start: int
    end: int


def places(text: str) -> dict[Path, Place]:
    """The place of everything in a TOML text; the path of a list's element has its index."""
    found: dict[Path, Place] = {}
    last: dict[Path, int] = {}  # of every [[table]], the index of its newest element
    table: Path = ()
    position = _skip(text, 0)
    while position < len(text):
        if text[position] != "[":
            position = _pair(text, position, table, found)
        else:
            array = text.startswith("[[", position)
            keys, end = _keys(text, _skip(text, position + 1 + array))
            end = _skip(text, end) + 1 + array
            table = _header(keys, last, array=array)
            found[table] = Place(key=position, start=position, end=end)
            if array:
                found.setdefault(table[:-1], found[table])
            position = end
        position = _skip(text, position)
    return found


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def inside(raw: str, offset: int) -> int:
    """Where, in a string as it is written with its quotes, the character `offset` of its value stands."""
    basic = raw.startswith('"')
    at = 3 if raw.startswith(('"""', "'''")) else 1
    at += at == 3 and raw.startswith("\n", 3)  # a newline right behind three quotes does not count
    while True:
        joint = _JOINT.match(raw, at) if basic else None  # a backslash at the end of a line joins it with the next
        if joint is None and offset == 0:
            return at
        escape = _ESCAPE.match(raw, at) if basic else None
        offset -= joint is None
        at = next((match.end() for match in (joint, escape) if match), at + 1)


_BEFORE, _SHOWN = 80, 110


def excerpt(text: str, line: int, column: int) -> str:
    """The line of a text with a caret under the column, as two indented lines; of a long line what is around it."""
    start = max(column - _BEFORE, 0)
    shown = text.split("\n")[line - 1].expandtabs(1)[start : start + _SHOWN]
    return f"    {shown}\n    {' ' * (column - 1 - start)}^"


def _skip(text: str, position: int) -> int:
    return _match(_BLANK, text, position).end()


def _match(pattern: re.Pattern[str], text: str, position: int) -> re.Match[str]:
    match = pattern.match(text, position)
    if match is None:
        raise ValueError(f"not TOML at character {position}")
    return match


def _keys(text: str, position: int) -> tuple[Path, int]:
    keys: list[str] = []
    while True:
        match = _match(_KEY, text, position)
        plain = match.group()
        keys.append(next(iter(tomllib.loads(f"{plain} = 0"))) if plain[0] in "\"'" else plain)
        dot = _DOT.match(text, match.end())
        if dot is None:
            return tuple(keys), match.end()
        position = dot.end()


def _header(keys: Path, last: dict[Path, int], *, array: bool) -> Path:
    path: Path = ()
    for key in keys[:-1]:
        path += (key,)
        path += (last[path],) if path in last else ()
    path += keys[-1:]
    if array:
        last[path] = last.get(path, -1) + 1
        path += (last[path],)
    return path


def _pair(text: str, position: int, table: Path, found: dict[Path, Place]) -> int:
    keys, end = _keys(text, position)
    start = _skip(text, _skip(text, end) + 1)
    end = _value(text, start, (*table, *keys), found)
    place = Place(key=position, start=start, end=end)
    for depth in range(1, len(keys) + 1):
        found.setdefault((*table, *keys[:depth]), place)  # a.b = 1 makes a table a
    return end


def _value(text: str, position: int, path: Path, found: dict[Path, Place]) -> int:
    if text[position] == "[":
        return _list(text, position, path, found)
    if text[position] == "{":
        return _inline(text, position, path, found)
    if text[position] in "\"'":
        return _match(_STRING, text, position).end()
    plain = _match(_PLAIN, text, position).group()
    return position + len(plain.rstrip())


def _list(text: str, position: int, path: Path, found: dict[Path, Place]) -> int:
    position, index = _skip(text, position + 1), 0
    while text[position] != "]":
        end = _value(text, position, (*path, index), found)
        found[(*path, index)] = Place(key=position, start=position, end=end)
        position, index = _skip(text, end), index + 1
        if text[position] == ",":
            position = _skip(text, position + 1)
    return position + 1


def _inline(text: str, position: int, path: Path, found: dict[Path, Place]) -> int:
    position = _skip(text, position + 1)
    while text[position] != "}":
        position = _skip(text, _pair(text, position, path, found))
        if text[position] == ",":
            position = _skip(text, position + 1)
    return position + 1
