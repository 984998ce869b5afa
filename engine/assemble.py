"""From the configuration to what each room works with."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from engine import config
from engine.core.facts import Address
from engine.core.money import to_major, to_micro
from engine.errors import ConfigError, Fault

if TYPE_CHECKING:  # each room is imported when it is first used, so that `premura --help` is quick
    from engine.adapters.registry import Around
    from engine.decide.vocabulary import Vocabulary
    from engine.dispatch.freeze import Sender
    from engine.dispatch.port import Adapter
    from engine.ingest.stage import Intake
    from engine.schedule.budgets import Budgets
    from engine.score.policy import Policy


def intake(settings: config.Settings, words: Vocabulary) -> Intake:
    """How this shop's files are read."""
    from engine.ingest.columns import KNOWN, Reading
    from engine.ingest.rows import Shop
    from engine.ingest.stage import Intake

    readings = {}
    for kind in KNOWN:
        said = getattr(settings.ingest, kind)
        readings[kind] = Reading(**said.model_dump())
    kinds = {name: {one: str(two) for one, two in kind.payload.items()} for name, kind in words.kinds.items()}
    return Intake(
        shop=Shop(currency=settings.shop.currency, time_zone=settings.shop.time_zone, attributes=settings.attributes),
        readings=readings,
        event_kinds=kinds,
        reject_unknown_customers=settings.ingest.unknown_customers == "reject",
    )


def scoring(settings: config.Settings) -> Policy:
    """What the shop says about worth."""
    from engine.score.policy import Policy

    said, shop = settings.score, settings.shop
    return Policy(
        model=said.model,
        seasonal=said.seasonal,
        cohorts=said.cohorts,
        time_unit=said.time_unit,
        horizon=said.horizon,
        discount_rate=said.discount_rate,
        margin=said.margin,
        tiers=said.tiers,
        tiers_by=said.tiers_by,
        currency=shop.currency,
        time_zone=shop.time_zone,
    )


def costs(settings: config.Settings, adapters: Mapping[str, Adapter]) -> dict[str, int]:
    """What one message costs, by channel, in millionths of a unit: as [costs] says, else as the adapter does."""
    found = {}
    for channel, name in settings.channels.items():
        said = getattr(settings.costs, channel, None)
        if said is None and name in adapters:
            said = to_major(adapters[name].capability.unit_cost_minor, settings.shop.currency)
        found[channel] = to_micro(said or Decimal())
    return found


def budgets(settings: config.Settings) -> Budgets:
    """What a month may cost."""
    from engine.schedule.budgets import Budgets

    said = {channel: amount for channel, amount in settings.budgets if channel != "rules" and amount is not None}
    return Budgets(
        channels={channel: to_micro(amount) for channel, amount in said.items()},
        rules={rule: to_micro(amount) for rule, amount in settings.budgets.rules.items()},
        currency=settings.shop.currency,
    )


def vocabulary(settings: config.Settings) -> Vocabulary:
    """The names and event kinds that rules may speak of. Raises ConfigError."""
    from engine.decide import vocabulary as words

    try:
        return words.vocabulary(attributes=settings.attributes, events=settings.events, tiers=settings.score.tiers)
    except ValueError as error:
        raise ConfigError([Fault(file=config.FILE, code="P105", text=str(error))]) from None


def adapters(settings: config.Settings, folder: Path, screen: TextIO) -> dict[str, Adapter]:
    """The adapters that the channels name, by name. Raises ConfigError with every fault."""
    from engine.adapters import registry

    around = _around(settings, folder, screen)
    made: dict[str, Adapter] = {}
    faults = []
    for name in sorted(set(settings.channels.values())):
        said = settings.adapters.get(name)
        if said is None:
            text = f"there is no [adapters.{name}], which [channels] names"
            faults.append(Fault(file=config.FILE, code="P107", text=text))
            continue
        try:
            made[name] = registry.make(said.kind, said.options, around)
        except (ValueError, OSError) as error:
            faults.append(Fault(file=config.FILE, code="P107", text=f"adapters.{name}: {error}"))
    for channel, name in settings.channels.items():
        if name in made and made[name].capability.channel not in (channel, "console"):
            served = made[name].capability.channel
            text = f"channels.{channel}: the adapter '{name}' is for {served}, not for {channel}"
            faults.append(Fault(file=config.FILE, code="P108", text=text))
    if faults:
        raise ConfigError(faults)
    return made


def _around(settings: config.Settings, folder: Path, screen: TextIO) -> Around:
    from engine.adapters.registry import Around

    def secret(place: Mapping[str, Any]) -> str:
        return config.Secret.model_validate(place).read(folder).get_secret_value()

    return Around(folder=folder, currency=settings.shop.currency, screen=screen, secret=secret)


def sender(settings: config.Settings, key: str) -> Sender:
    """The shop, as its mails and cards show it."""
    from engine.dispatch.freeze import Sender

    shop = settings.shop
    return Sender(
        **shop.model_dump(exclude={"start", "address"}),
        address=Address(**shop.address.model_dump()),
        referral_link=settings.referrals.link,
        key=key,
    )
