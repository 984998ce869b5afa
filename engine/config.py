"""The configuration of a workspace: `premura.toml` and the environment, checked whole, frozen.

Every fault is reported at once, with its line. Secrets are written as {env = "NAME"} or {file = "path"}, never inline.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import time
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from engine.core.calendar import Duration, parse_duration, zone
from engine.errors import ConfigError, Fault

FILE = "premura.toml"


def _duration(text: str) -> str:
    parse_duration(text)
    return text


def _duration_or_never(text: str) -> str:
    return _duration(text) if text else text


def _clock(text: str) -> str:
    if not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError(f"'{text}' is not a time of day such as 08:00 or 21:30")
    return text


def _zone(name: str) -> str:
    return zone(name).key


DurationText = Annotated[str, AfterValidator(_duration)]
ClockText = Annotated[str, AfterValidator(_clock)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(_Section):
    """Where a secret is kept: an environment variable or a file."""

    env: str = ""
    file: str = ""

    @model_validator(mode="after")
    def _one_place(self) -> Secret:
        if bool(self.env) == bool(self.file):
            raise ValueError('a secret is kept in one place: {env = "NAME"} or {file = "path"}')
        return self

    def read(self, folder: Path) -> SecretStr:
        """The secret itself. Raises ValueError when it is not there."""
        if self.env:
            if not os.environ.get(self.env):
                raise ValueError(f"the environment variable {self.env} is not set")
            return SecretStr(os.environ[self.env])
        try:
            return SecretStr((folder / self.file).read_text(encoding="utf-8").strip())
        except OSError as error:
            raise ValueError(f"the file {self.file} cannot be read ({error.strerror})") from None


class Address(_Section):
    """Where letters to the shop go, and where its letters come from."""

    street: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "IT"


class Shop(_Section):
    """Who writes."""

    name: Annotated[str, Field(min_length=1)]
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    phone: str = ""
    website: str = ""
    signature: str = ""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    locale: str = "it_IT"
    time_zone: Annotated[str, AfterValidator(_zone)] = "Europe/Rome"
    start: str = ""  # a date; what happened before it is history and is never acted on
    privacy: str = ""
    address: Address = Field(default_factory=Address)


class Columns(_Section):
    """How one kind of file is read: our column name = the file's."""

    source: str = ""
    decimal: Literal["", ",", "."] = ""
    date_format: str = ""
    columns: dict[str, str] = Field(default_factory=dict)


class Ingest(_Section):
    """How files are read."""

    unknown_customers: Literal["create", "reject"] = "create"
    customers: Columns = Field(default_factory=Columns)
    transactions: Columns = Field(default_factory=Columns)
    events: Columns = Field(default_factory=Columns)
    consents: Columns = Field(default_factory=Columns)


class Scoring(_Section):
    """How customers are scored. tiers begin at percentiles (0..1) or at amounts in whole units of the currency."""

    model: Literal["auto", "bg_nbd", "mbg_nbd", "pareto_nbd", "bg_bb", "sbg"] = "bg_nbd"
    seasonal: bool = True
    cohorts: Literal["", "year", "quarter"] = ""
    time_unit: Literal["day", "week", "month"] = "week"
    horizon: DurationText = "P365D"
    discount_rate: Annotated[float, Field(ge=0, le=1)] = 0.10
    margin: Annotated[float, Field(gt=0, le=1)] = 1.0
    tiers_by: Literal["percentile", "amount"] = "percentile"
    tiers: dict[str, Annotated[float, Field(ge=0, le=1e12)]] = Field(
        default_factory=lambda: {"gold": 0.9, "silver": 0.6, "bronze": 0.0}
    )
    acquisition_cost: dict[str, Annotated[float, Field(ge=0, le=1e9)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _everybody_has_a_tier(self) -> Scoring:
        if 0.0 not in self.tiers.values():
            raise ValueError("one tier must begin at 0.0, so that everybody has one")
        if self.tiers_by == "percentile" and max(self.tiers.values()) > 1:
            raise ValueError('tiers by percentile begin between 0 and 1; for amounts say tiers_by = "amount"')
        return self


class Caps(_Section):
    """How often a customer may hear from us, whatever the rules say; transactional words do not count."""

    messages: Annotated[int, Field(ge=1)] = 2
    household: Annotated[int, Field(ge=1)] | None = None  # all who live together
    within: DurationText = "P7D"


Amount = Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=6)]


class Costs(_Section):
    """What one message costs, by channel, in whole units of the currency; else what the adapter says."""

    email: Amount | None = None
    note: Amount | None = None
    reward: Amount | None = None
    referral: Amount | None = None
    task: Amount | None = None
    console: Amount | None = None


class Budgets(Costs):
    """What all messages of a channel, or of a rule, may cost in a month, in whole units of the currency."""

    rules: dict[str, Amount] = Field(default_factory=dict)


class Holdout(_Section):
    """The share of customers whom no rule reaches; as many again are compared with them."""

    share: Annotated[float, Field(ge=0, le=0.5)] = 0.0


class Quiet(_Section):
    """Clock times on the customer's clock in which nothing goes out, and whether that country's holidays are kept."""

    start: ClockText = Field("", alias="from")
    to: ClockText = ""
    holidays: bool = False

    @model_validator(mode="after")
    def _begins_and_ends(self) -> Quiet:
        if bool(self.start) != bool(self.to):
            raise ValueError('from and to go together, as in from = "21:00" and to = "08:00"')
        if self.start and self.start == self.to:
            raise ValueError("from and to are the same, which leaves no time, or all of it")
        return self

    @property
    def hours(self) -> tuple[time, time]:
        """From when to when; twice the same for none."""
        return time.fromisoformat(self.start or "00:00"), time.fromisoformat(self.to or "00:00")


class Referrals(_Section):
    """The link that a customer shares; {code} is replaced."""

    link: Annotated[str, Field(pattern=r"^https?://.*\{code\}.*$")] = "https://example.com/?invito={code}"


class AdapterSettings(_Section):
    """One adapter: its kind, and what that kind takes besides."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the kind."""
        return dict(self.model_extra or {})


class Web(_Section):
    """Where the daemon answers those who watch it; without a port it listens nowhere. Port 0 is any that is free."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] | None = None


class Retention(_Section):
    """After how long finished actions leave the outbox for the history, and after how long they lose their content.

    contents: "" for never.
    """

    actions: DurationText = "P90D"
    contents: Annotated[str, AfterValidator(_duration_or_never)] = ""


class Daemon(_Section):
    """How often the daemon looks, in seconds, and the local hour after which it scores everybody once a day.

    patience: seconds without a sign of life after which a stage counts as stuck.
    """

    every: Annotated[float, Field(gt=0)] = 5.0
    score_hour: Annotated[int, Field(ge=0, le=23)] = 3
    lease: Annotated[float, Field(ge=2)] = 30.0
    patience: Annotated[float, Field(ge=1)] = 600.0


PayloadType = Literal["string", "double", "int", "bool", "timestamp"]


class Settings(_Section):
    """A whole workspace's configuration."""

    shop: Shop
    store: Annotated[str, Field(min_length=1)] = "sqlite:///premura.db"
    key: Secret = Field(default_factory=lambda: Secret(file="premura.key"))
    ingest: Ingest = Field(default_factory=Ingest)
    score: Scoring = Field(default_factory=Scoring)
    caps: Caps = Field(default_factory=Caps)
    costs: Costs = Field(default_factory=Costs)
    budgets: Budgets = Field(default_factory=Budgets)
    holdout: Holdout = Field(default_factory=Holdout)
    quiet: Quiet = Field(default_factory=Quiet)
    referrals: Referrals = Field(default_factory=Referrals)
    daemon: Daemon = Field(default_factory=Daemon)
    web: Web = Field(default_factory=Web)
    retention: Retention = Field(default_factory=Retention)
    attributes: dict[str, PayloadType] = Field(default_factory=dict)
    events: dict[str, dict[str, PayloadType]] = Field(default_factory=dict)
    channels: dict[str, str] = Field(default_factory=dict)
    adapters: dict[str, AdapterSettings] = Field(default_factory=dict)

    @property
    def cap_within(self) -> Duration:
        """The period that the cap counts over."""
        return parse_duration(self.caps.within)


def parse(text: str, file: str = FILE) -> Settings:
    """Settings from TOML text. Raises ConfigError with every fault, each with file, line and hint."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax(str(error), file)]) from None
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise ConfigError(list(_faults(error, text, file))) from None


def salvage(text: str) -> Settings:
    """What of a faulty configuration can be used to check the rest of the workspace; never to run anything.

    Sections with faults count as not written, and a shop that cannot be read as one without a name.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        data = {}
    nobody = {"name": "?", "email": "?@?"}
    try:
        return Settings.model_validate({"shop": nobody, **data})
    except ValidationError as error:
        faulty = {fault["loc"][0] for fault in error.errors() if fault["loc"]}
        sound = {name: value for name, value in data.items() if name not in faulty}
        return Settings.model_validate({"shop": nobody, **sound})


def load(folder: Path) -> Settings:
    """The settings of a workspace. Raises ConfigError, also when there is none."""
    path = folder / FILE
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "premura init makes a workspace; or go to its folder, or name it with --workspace"
        raise ConfigError([Fault(file=str(path), code="P100", text="there is no workspace here", hint=hint)]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(file=str(path), code="P101", text=f"cannot be read ({error})")]) from None


def place_in(folder: Path) -> Callable[[tuple[str | int, ...], Fault], Fault]:
    """Gives a fault of a workspace's configuration its line, by the path of the key that it is about."""
    from engine.core.toml_places import places, position

    text = (folder / FILE).read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
    try:
        found = places(text) if tomllib.loads(text) else {}
    except tomllib.TOMLDecodeError:
        found = {}

    def placed(where: tuple[str | int, ...], fault: Fault) -> Fault:
        if where not in found:
            return fault
        line, column = position(text, found[where].key)
        return replace(fault, line=line, column=column)

    return placed


def _syntax(message: str, file: str) -> Fault:
    place = re.search(r"\s*\(at line (\d+), column (\d+)\)", message)
    line, column = (int(place[1]), int(place[2])) if place else (0, 0)
    plain = message.replace(place[0], "") if place else message
    return Fault(file=file, line=line, column=column, code="P102", text=plain, hint="this is not TOML (toml.io)")


def _faults(error: ValidationError, text: str, file: str) -> Iterator[Fault]:
    from engine.core.toml_places import places, position

    found = places(text.replace("\r\n", "\n"))
    for fault in error.errors():
        where = tuple(fault["loc"])
        nearest = next((where[:size] for size in range(len(where), 0, -1) if where[:size] in found), None)
        line, column = position(text, found[nearest].key) if nearest else (0, 0)
        unknown = fault["type"] == "extra_forbidden"
        message = "is not a known key" if unknown else str(fault["msg"]).removeprefix("Value error, ")
        name = ".".join(str(part) for part in where)
        yield Fault(
            file=file, line=line, column=column, code="P103", text=f"{name}: {message}", hint=_hint(fault, where)
        )


def _hint(fault: Mapping[str, Any], where: tuple[Any, ...]) -> str:
    if fault["type"] != "extra_forbidden":
        return ""
    model: Any = Settings
    for part in where[:-1]:
        field = getattr(model, "model_fields", {}).get(part)
        model = field.annotation if field else None
    known = [field.alias or name for name, field in getattr(model, "model_fields", {}).items()]
    near = get_close_matches(str(where[-1]), known, n=1)
    return f"did you mean '{near[0]}'?" if near else "config.example.toml lists what there is"
