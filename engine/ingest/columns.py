"""Which column of a file is which of ours: by the configuration, else by name in English or Italian."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.errors import IngestError

Kind = Literal["customers", "transactions", "events", "consents"]

_SHARED = {
    "customer": ("customer_id", "customer_ref", "client", "cliente", "codice_cliente", "id_cliente", "codcliente"),
    "date": ("data", "occurred_at", "timestamp", "day", "giorno", "when"),
}
_CUSTOMER = {
    "customer": (*_SHARED["customer"], "ref", "id", "code", "codice"),
    "given_name": ("first_name", "firstname", "nome"),
    "family_name": ("last_name", "lastname", "surname", "cognome"),
    "company": ("ragione_sociale", "azienda", "ditta"),
    "email": ("e_mail", "mail", "email_address", "posta"),
    "phone": ("telefono", "mobile", "cellulare", "tel"),
    "street": ("address", "address1", "indirizzo", "via"),
    "postcode": ("zip", "postal_code", "cap"),
    "city": ("town", "citta", "città", "comune"),
    "region": ("province", "state", "provincia", "prov"),
    "country": ("country_code", "paese", "nazione"),
    "locale": ("language", "lingua"),
    "time_zone": ("timezone", "tz", "fuso_orario"),
    "birthday": ("birth_date", "date_of_birth", "data_di_nascita", "nascita"),
    "first_contact_on": ("first_contact", "customer_since", "primo_contatto", "cliente_dal"),
    "source": ("channel", "origine", "provenienza"),
    "acquisition_cost": ("cac", "costo_acquisizione"),
}
_TRANSACTION = {
    **_SHARED,
    "id": ("transaction_id", "order_id", "invoice", "numero", "fattura", "ordine"),
    "amount": ("total", "importo", "totale", "value", "sales"),
    "currency": ("valuta",),
    "cost": ("costo",),
    "reverses": ("refund_of", "storno_di", "rimborso_di"),
    "referral_code": ("referral", "invite_code", "codice_invito"),
    "what": ("product", "description", "prodotto", "descrizione"),
}
_EVENT = {**_SHARED, "id": ("event_id", "numero"), "kind": ("event", "type", "tipo", "evento")}
_CONSENT = {
    **_SHARED,
    "purpose": ("finalita", "finalità", "scopo"),
    "channel": ("canale",),
    "given": ("consent", "consenso", "yes_no"),
    "source": ("origine", "provenienza"),
    "wording": ("text_version", "testo"),
}
KNOWN: dict[Kind, dict[str, tuple[str, ...]]] = {
    "customers": _CUSTOMER,
    "transactions": _TRANSACTION,
    "events": _EVENT,
    "consents": _CONSENT,
}
REQUIRED: dict[Kind, tuple[str, ...]] = {
    "customers": ("customer",),
    "transactions": ("customer", "date", "amount"),
    "events": ("customer", "date", "kind"),
    "consents": ("customer", "date", "purpose", "channel", "given"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How one kind of file is read: our column -> the file's, and how it writes numbers and dates."""

    columns: Mapping[str, str] = field(default_factory=dict)
    decimal: str = ""
    date_format: str = ""
    source: str = ""


def match(kind: Kind, header: Collection[str], wanted: Mapping[str, str], file: str) -> dict[str, str]:
    """Our column -> the file's column. Raises IngestError that names what is missing and how to say it."""
    for ours, theirs in wanted.items():
        if ours not in KNOWN[kind]:
            known = ", ".join(KNOWN[kind])
            raise IngestError(f"[ingest.{kind}] columns has '{ours}', which is none of {known}", file=file)
        if theirs not in header:
            raise IngestError(f"the file has no column '{theirs}', which the configuration names", file=file, row=1)
    found = dict(wanted)
    by_plain_name = {_plain(name): name for name in header if name not in wanted.values()}
    for ours, others in KNOWN[kind].items():
        if ours not in found:
            name = next((by_plain_name[word] for word in (ours, *others) if word in by_plain_name), None)
            if name is not None and name not in found.values():
                found[ours] = name
    missing = [name for name in REQUIRED[kind] if name not in found]
    if missing:
        hint = f'say which it is in premura.toml: [ingest.{kind}] columns = {{ {missing[0]} = "…" }}'
        raise IngestError(f"no column for {' and '.join(missing)} among {', '.join(header)} ({hint})", file=file, row=1)
    return found


def guess_kind(file: str, header: Collection[str]) -> Kind:
    """What a file holds, by its name, else by its columns. Raises IngestError when neither tells."""
    name = file.lower()
    words: dict[Kind, tuple[str, ...]] = {
        "consents": ("consent", "consens"),
        "events": ("event",),
        "transactions": ("transaction", "orders", "sales", "vendite", "fatture", "ordini"),
        "customers": ("customer", "client"),
    }
    for kind, signs in words.items():
        if any(sign in name for sign in signs):
            return kind
    plain = {_plain(column) for column in header}

    def has(kind: Kind, column: str) -> bool:
        return bool(plain & {column, *KNOWN[kind][column]})

    if has("consents", "purpose") and has("consents", "given"):
        return "consents"
    if has("events", "kind"):
        return "events"
    if has("transactions", "amount"):
        return "transactions"
    if has("customers", "email") or has("customers", "family_name"):
        return "customers"
    raise IngestError(
        "it is not clear what this file holds (hint: --kind customers|transactions|events|consents)", file=file
    )


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_").replace(".", "_")
