"""Which kinds of adapters there are: ours by name, others by the entry-point group `premura.adapters`.

An entry point names a function `build(options, around) -> Adapter`; docs/adding-an-adapter.md shows one.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.core.calendar import parse_duration
from engine.core.money import parse_amount, to_minor
from engine.core.rate import Rate
from engine.dispatch.port import Adapter, Capability, Idempotency, lacking

if TYPE_CHECKING:  # each is imported when it is made
    from engine.adapters.wire.smtp import Smtp

GROUP = "premura.adapters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What an adapter may use of the workspace it works for."""

    folder: Path
    currency: str
    screen: TextIO
    secret: Callable[[Mapping[str, Any]], str]  # {env = "NAME"} or {file = "path"} -> the secret; raises ValueError


Build = Callable[[Mapping[str, Any], Around], Adapter]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Folder(_Options):
    folder: Annotated[str, Field(min_length=1)]


class _Smtp(_Options):
    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str = ""
    password: dict[str, str] = Field(default_factory=dict)
    ca_file: str = ""


class _TaskSmtp(_Smtp):
    to: str


class _Webhook(_Options):
    url: str
    secret: dict[str, str]
    idempotent: bool = False
    timeout: Annotated[float, Field(gt=0, le=300)] = 30.0
    ca_file: str = ""


class _Note(_Folder):
    lead_days: Annotated[int, Field(ge=0, le=60)] = 0
    unit_cost: str = "0"


class _Rate(_Options):
    number: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(gt=0, le=10**7)] = 1.0


class _Fake(_Note):
    channel: Literal["email", "note", "reward", "referral", "task", "console"]
    idempotency: Idempotency = Idempotency.KEY
    window: str = ""
    lag: str = "PT0S"
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 1
    batch: Annotated[int, Field(ge=1, le=10_000)] = 1
    rate: _Rate | None = None
    cancellable: bool = False
    delivered: bool = True
    script: str = ""
    wait: float = 0.0
    send: list[Any] = Field(default_factory=lambda: ["ok"])
    call: list[Any] = Field(default_factory=lambda: ["ok"])
    find: list[Any] = Field(default_factory=lambda: ["ok"])
    cancel: list[Any] = Field(default_factory=lambda: ["ok"])


def _console(options: Mapping[str, Any], around: Around) -> Adapter:
    from engine.adapters.console import Console

    _Options.model_validate(options)
    return Console(around.screen)


def _email_file(options: Mapping[str, Any], around: Around) -> Adapter:
    from engine.adapters.email_file import EmailFile

    return EmailFile(around.folder / _Folder.model_validate(options).folder)


def _email_smtp(options: Mapping[str, Any], around: Around) -> Adapter:
    from engine.adapters.email_smtp import EmailSmtp

    return EmailSmtp(_server(_Smtp.model_validate(options), around))


def _server(wanted: _Smtp, around: Around) -> Smtp:
    from engine.adapters.wire.smtp import Smtp

    return Smtp(
        wanted.host,
        wanted.port,
        tls=wanted.tls,
        user=wanted.user,
        password=around.secret(wanted.password) if wanted.password else "",
        tls_context=None if wanted.tls == "none" else _trusting(wanted.ca_file, around),
    )


def _trusting(ca_file: str, around: Around) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(around.folder / ca_file) if ca_file else None)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"ca_file: '{ca_file}' holds no certificates that can be read ({error.strerror})") from None


def _note_pdf(options: Mapping[str, Any], around: Around) -> Adapter:
    from engine.adapters.note_pdf import NotePdf

    wanted = _Note.model_validate(options)
    cost = to_minor(parse_amount(wanted.unit_cost, "."), around.currency)
    return NotePdf(around.folder / wanted.folder, lead_days=wanted.lead_days, unit_cost_minor=cost)


def _reward_ledger(options: Mapping[str, Any], _around: Around) -> Adapter:
    from engine.adapters.reward_ledger import RewardLedger

    _Options.model_validate(options)
    return RewardLedger()


def _referral_code(options: Mapping[str, Any], _around: Around) -> Adapter:
    from engine.adapters.referral_code import ReferralCode

    _Options.model_validate(options)
    return ReferralCode()


def _task_email(options: Mapping[str, Any], around: Around) -> Adapter:
    from engine.adapters.task_email import TaskEmail

    wanted = _TaskSmtp.model_validate(options)
    return TaskEmail(_server(wanted, around), to=wanted.to)


def _task_file(options: Mapping[str, Any], around: Around) -> Adapter:
    from engine.adapters.task_file import TaskFile

    return TaskFile(around.folder / _Folder.model_validate(options).folder)


def _task_webhook(options: Mapping[str, Any], around: Around) -> Adapter:
    from engine.adapters.task_webhook import TaskWebhook
    from engine.adapters.wire.http import Http, checked

    wanted = _Webhook.model_validate(options)
    secure = wanted.url.startswith("https:")  # reading the authorities takes a while; without TLS, trust nobody
    context = _trusting(wanted.ca_file, around) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    http = Http(tls_context=context, timeout=wanted.timeout, keep=wanted.idempotent)
    return TaskWebhook(http, checked(wanted.url), secret=around.secret(wanted.secret), idempotent=wanted.idempotent)


def _fake(options: Mapping[str, Any], around: Around) -> Adapter:
    from engine.adapters.fake import Fake
    from engine.adapters.wire.fate import read

    wanted = _Fake.model_validate(options)
    return Fake(
        around.folder / wanted.folder,
        Capability(
            channel=wanted.channel,
            idempotency=wanted.idempotency,
            window=_span("window", wanted.window) if wanted.window else None,
            lag=_span("lag", wanted.lag),
            concurrency=wanted.concurrency,
            batch=wanted.batch,
            rate=Rate(number=wanted.rate.number, seconds=wanted.rate.seconds) if wanted.rate else None,
            cancellable=wanted.cancellable,
            lead_days=wanted.lead_days,
            unit_cost_minor=to_minor(parse_amount(wanted.unit_cost, "."), around.currency),
        ),
        script=read(wanted.model_dump(include={"send", "call", "find", "cancel", "wait"})),
        file=around.folder / wanted.script if wanted.script else None,
        final=wanted.delivered,
    )


def _span(key: str, text: str) -> timedelta:
    found = parse_duration(text)
    if found.months:
        raise ValueError(f"{key}: '{text}' has months, which are of different lengths")
    return timedelta(days=found.days, seconds=found.seconds)


OURS: dict[str, Build] = {
    "console": _console,
    "email_file": _email_file,
    "email_smtp": _email_smtp,
    "fake": _fake,
    "note_pdf": _note_pdf,
    "referral_code": _referral_code,
    "reward_ledger": _reward_ledger,
    "task_email": _task_email,
    "task_file": _task_file,
    "task_webhook": _task_webhook,
}


def kinds() -> list[str]:
    """All kinds that can be configured, by name."""
    return sorted({*OURS, *(point.name for point in entry_points(group=GROUP))})


def make(kind: str, options: Mapping[str, Any], around: Around) -> Adapter:
    """An adapter of that kind. Raises ValueError, with one line, for an unknown kind or wrong options."""
    build = OURS.get(kind) or _foreign(kind)
    try:
        made = build(options, around)
        words = lacking(made)
    except ValidationError as error:
        words = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
    except ValueError as error:
        words = str(error)
    else:
        if not words:
            return made
        words = f"kind '{kind}' {words}"
    raise ValueError(" ".join(words.split()))


def _foreign(kind: str) -> Build:
    """What somebody else's distribution builds; whatever goes wrong in it is a ValueError that names it."""
    point = next((point for point in entry_points(group=GROUP) if point.name == kind), None)
    if point is None:
        raise ValueError(f"there is no adapter of kind '{kind}'; there are {', '.join(kinds())}")

    def build(options: Mapping[str, Any], around: Around) -> Adapter:
        try:
            made: Adapter = point.load()(options, around)
            capable = isinstance(made.capability, Capability)
        except (ValueError, OSError):  # its own words about its options; a ValidationError is one too
            raise
        except Exception as error:
            raise ValueError(f"{point.value} fails: {type(error).__name__}: {error}") from error
        if not capable:
            raise ValueError(f"{point.value} makes something whose capability is none")
        return made

    return build
