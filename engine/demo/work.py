"""What the firm sells: kinds of work with their prices, their seasons and the trouble that each can bring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from engine.demo.chance import Chance, happens, pick

WINTER = (9, 8, 6, 4, 2, 1, 1, 1, 5, 9, 10, 9)  # how much there is to do from January to December
SUMMER = (1, 1, 3, 6, 10, 10, 8, 3, 2, 1, 1, 1)
EVEN = (5, 5, 5, 5, 5, 5, 5, 3, 6, 6, 5, 4)
AUTUMN = (3, 2, 1, 1, 1, 1, 1, 2, 9, 10, 8, 4)
_HOLIDAYS = {(1, 1), (1, 6), (4, 25), (5, 1), (6, 2), (8, 15), (11, 1), (12, 8), (12, 25), (12, 26)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A kind of work. Prices in cents; `cost` and `quoted` are shares; `whats` are (what, lowest, highest price)."""

    name: str
    whats: tuple[tuple[str, int, int], ...]
    step: int  # prices are multiples of it above the lowest
    cost: float
    season: tuple[int, ...]
    complaints: tuple[str, ...]
    quoted: float = 0.0  # how often it begins with a quote
    delivered: bool = False  # comes by parcel: paid first, delivered later
    visit_later: str = ""  # paid first, and this is done weeks later without charge


_BOILER_TROUBLE = (
    "la caldaia va in blocco durante la notte",
    "perde ancora acqua da un raccordo",
    "i termosifoni del piano di sopra restano freddi",
    "il tecnico è arrivato con due ore di ritardo",
)
_COOLING_TROUBLE = (
    "il climatizzatore gocciola sul pavimento",
    "l'unità esterna fa un rumore insolito",
    "il climatizzatore non raffredda come dovrebbe",
)
SERVICE = Job(
    name="service",
    whats=(
        ("manutenzione annuale della caldaia", 9000, 13000),
        ("manutenzione della caldaia con analisi dei fumi", 11000, 15000),
    ),
    step=500,
    cost=0.38,
    season=AUTUMN,
    complaints=_BOILER_TROUBLE,
)
REPAIR = Job(
    name="repair",
    whats=(
        ("sostituzione della scheda elettronica della caldaia", 25000, 48000),
        ("sostituzione dello scambiatore di calore", 32000, 60000),
        ("riparazione di una perdita all'impianto", 12000, 38000),
        ("sostituzione della valvola a tre vie", 16000, 30000),
        ("sostituzione del vaso di espansione", 14000, 26000),
        ("sblocco e pulizia della pompa di circolazione", 12000, 19000),
    ),
    step=500,
    cost=0.52,
    season=WINTER,
    complaints=_BOILER_TROUBLE,
    quoted=0.15,
)
COOLING_REPAIR = Job(
    name="cooling_repair",
    whats=(
        ("ricerca perdite e ricarica del gas del climatizzatore", 15000, 34000),
        ("riparazione dell'unità esterna del climatizzatore", 18000, 52000),
    ),
    step=500,
    cost=0.5,
    season=SUMMER,
    complaints=_COOLING_TROUBLE,
    quoted=0.1,
)
BOILER = Job(
    name="boiler",
    whats=(
        ("installazione di una caldaia a condensazione da 24 kW", 220000, 320000),
        ("installazione di una caldaia a condensazione da 32 kW", 290000, 450000),
    ),
    step=5000,
    cost=0.66,
    season=AUTUMN,
    complaints=_BOILER_TROUBLE,
    quoted=0.93,
)
COOLING = Job(
    name="cooling",
    whats=(
        ("installazione di un climatizzatore monosplit", 120000, 175000),
        ("installazione di un climatizzatore dual split", 190000, 275000),
        ("installazione di un climatizzatore trial split", 270000, 380000),
    ),
    step=5000,
    cost=0.63,
    season=SUMMER,
    complaints=_COOLING_TROUBLE,
    quoted=0.9,
)
COOLING_SERVICE = Job(
    name="cooling_service",
    whats=(("pulizia e sanificazione del climatizzatore", 9000, 14000),),
    step=500,
    cost=0.33,
    season=SUMMER,
    complaints=_COOLING_TROUBLE,
)
THERMOSTAT = Job(
    name="thermostat",
    whats=(
        ("installazione di un termostato intelligente", 15000, 24000),
        ("installazione di un termostato con valvole per due zone", 22000, 30000),
    ),
    step=1000,
    cost=0.58,
    season=WINTER,
    complaints=("il termostato perde il collegamento alla rete di casa", "la seconda zona non si accende"),
    quoted=0.25,
)
PARTS = Job(
    name="parts",
    whats=(
        ("filtri di ricambio per il climatizzatore", 2590, 5590),
        ("sale per l'addolcitore e filtro dell'acqua", 2990, 6990),
        ("filtro defangatore magnetico", 7990, 13990),
        ("kit di guarnizioni e anodo per il boiler", 3490, 8990),
        ("pompa di scarico della condensa", 8990, 17990),
    ),
    step=100,
    cost=0.6,
    season=EVEN,
    complaints=("il pezzo consegnato non è quello ordinato", "la confezione è arrivata aperta"),
    delivered=True,
)
CONTRACT = Job(
    name="contract",
    whats=(
        ("contratto di manutenzione di un anno", 16000, 21000),
        ("contratto di manutenzione di un anno con pronto intervento", 22000, 28000),
    ),
    step=1000,
    cost=0.45,
    season=AUTUMN,
    complaints=_BOILER_TROUBLE,
    quoted=0.2,
    visit_later="manutenzione annuale compresa nel contratto",
)
TECHNICIANS = ("Luca", "Marta", "Idris")
REVIEWS = {
    5: (
        "Puntuali, gentili e precisi: consigliatissimi!",
        "Lavoro fatto bene e casa lasciata pulita. Grazie!",
        "Finalmente qualcuno che spiega quello che fa. Bravissimi.",
        "Chiamati al mattino, tutto risolto in giornata. Perfetti.",
    ),
    4: ("Buon lavoro e prezzo corretto.", "Tutto bene, solo un piccolo ritardo sull'orario."),
    3: ("Lavoro discreto, ma ho dovuto richiamare due volte.", "Nella media, il prezzo un po' alto."),
    2: ("Il problema si è ripresentato dopo pochi giorni.",),
    1: ("Problema non risolto, e nessuno richiama.",),
}


def workday(day: date) -> date:
    """The first day from `day` on when the firm works: no Sundays, no fixed public holidays."""
    while day.weekday() == 6 or (day.month, day.day) in _HOLIDAYS:
        day += timedelta(days=1)
    return day


def priced(rng: Chance, job: Job, thrift: float) -> tuple[str, int]:
    """What exactly is done, and its price in cents; the more thrift, the nearer to the lowest (1: all alike)."""
    what, low, high = pick(rng, job.whats)
    return what, low + int(rng.random() ** thrift * ((high - low) // job.step + 1)) * job.step


def in_season(rng: Chance, job: Job, day: date) -> bool:
    """Whether somebody who might need the job really calls on that day: surely in its best month, else less often."""
    return happens(rng, job.season[day.month - 1] / max(job.season))
