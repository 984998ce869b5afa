"""Which column of a file is which of ours: by the configuration, else by name in English or Italian."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from engine.errors import IngestError

Kind = Literal["customers", "transactions", "events", "consents"]

_SHARED = {
    "customer": (
        "customer_id", "customer_ref", "client", "client_id", "cliente", "codice_cliente", "id_cliente", "cod_cliente",
        "codcliente",
    ),
    "date": (
        "data", "occurred_at", "timestamp", "day", "giorno", "when", "order_date", "invoice_date", "data_ordine",
        "data_documento", "data_fattura",
    ),
}  # fmt: skip
_CUSTOMER = {
    "customer": (*_SHARED["customer"], "ref", "id", "code", "codice"),
    "household": ("household_id", "id_household", "nucleo_familiare", "nucleo", "id_famiglia"),
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
    "birthday": ("birth_date", "date_of_birth", "data_di_nascita", "data_nascita", "nascita"),
    "first_contact_on": ("first_contact", "customer_since", "primo_contatto", "cliente_dal"),
    "source": ("channel", "origine", "provenienza"),
    "acquisition_cost": ("cac", "costo_acquisizione"),
}
_TRANSACTION = {
    **_SHARED,
    "id": ("transaction_id", "order_id", "invoice", "numero", "fattura", "ordine", "numero_fattura", "numero_ordine"),
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
DATES = ("date", "birthday", "first_contact_on")
_EXTRA = {  # what events carry and shops' own attributes have no other names than these
    "amount": _TRANSACTION["amount"],
    "what": _TRANSACTION["what"],
    "reference": ("riferimento",),
    "reason": ("motivo",),
    "technician": ("tecnico",),
    "rating": ("stars", "voto", "stelle"),
    "text": ("comment", "testo", "commento"),
}
_CONFIGURATION = "premura.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How one kind of file is read: our column -> the file's, and how it writes numbers and dates."""

    columns: Mapping[str, str] = field(default_factory=dict)
    decimal: str = ""
    date_format: str = ""
    source: str = ""


def match(
    kind: Kind, header: Collection[str], wanted: Mapping[str, str], file: str, more: Collection[str] = ()
) -> dict[str, str]:
    """Our column -> the file's column. Raises IngestError that names what is missing and how to say it.

    more: names besides the usual ones that a column may have: the shop's attributes, or the fields of events.
    """
    known = KNOWN[kind] | {name: _EXTRA.get(name, ()) for name in more if name not in KNOWN[kind]}
    for ours, theirs in wanted.items():
        if ours not in known:
            text = f"[ingest.{kind}] columns has '{ours}', which is none of {', '.join(known)}"
            raise IngestError(text + _meant(ours, known), file=_CONFIGURATION)
        if theirs not in header:
            text = f"the file has no column '{theirs}', which [ingest.{kind}] in {_CONFIGURATION} names"
            raise IngestError(text + _meant(theirs, header), file=file, row=1)
    found = dict(wanted)
    _guess(kind, known, [name for name in header if name not in wanted.values()], found, file)
    missing = [name for name in REQUIRED[kind] if name not in found]
    if missing:
        text = f"no column for {' and '.join(missing)} among {', '.join(list(header)[:20]) or 'nothing'}"
        raise IngestError(text + _say(kind, missing[0]), file=file, row=1)
    return found


def impossible(kind: Kind, wanted: Mapping[str, str], more: Collection[str] = ()) -> list[tuple[str, str, str, str]]:
    """What of a configured mapping can fit no file: our name, a stable code, what is wrong, and a hint."""
    known = KNOWN[kind].keys() | set(more)
    found, taken = [], dict[str, str]()
    for ours, theirs in wanted.items():
        if ours not in known:
            hint = _meant(ours, known).removeprefix("; ") or f"there are {', '.join(sorted(known))}"
            found.append((ours, "P112", f"there is no '{ours}' among what {kind} say", hint))
        if not theirs or theirs != theirs.strip() or len(theirs.splitlines()) > 1:
            text = f"no column can be called '{theirs}'" if theirs else "no column is without a name"
            found.append((ours, "P113", text, "the name as the file's first line has it, without blanks around it"))
        elif first := taken.get(theirs):
            hint = "each column is one thing; leave one of the two out"
            found.append((ours, "P114", f"the column '{theirs}' is {first} already", hint))
        taken.setdefault(theirs, ours)
    return found


def _guess(
    kind: Kind, known: Mapping[str, Collection[str]], free: Collection[str], found: dict[str, str], file: str
) -> None:  # fmt: skip
    """Add to what was found the columns that have our names, then those that have other words for them."""
    called: dict[str, list[str]] = {}
    for name in free:
        called.setdefault(_plain(name), []).append(name)
    for exact in (True, False):
        for ours, others in known.items():
            words = () if ours in found else (_plain(ours),) if exact else others
            names = next((called.pop(word) for word in words if word in called), [])
            if len(names) > 1:
                text = f"'{names[0]}' and '{names[1]}' may both be {ours}"
                raise IngestError(text + _say(kind, ours), file=file, row=1)
            if names:
                found[ours] = names[0]


def _meant(word: str, known: Collection[str]) -> str:
    """A guess at what was meant, capitals aside."""
    plain = {_plain(name): name for name in known}
    near = get_close_matches(_plain(word), plain, n=1)
    return f"; did you mean '{plain[near[0]]}'?" if near else ""


def _say(kind: Kind, ours: str) -> str:
    return f' (hint: say which it is in {_CONFIGURATION}: [ingest.{kind}] columns = {{ {ours} = "…" }})'


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
    return re.sub(r"[\W_]+", "_", name.lower()).strip("_")
