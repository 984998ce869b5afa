"""What the pictures say in Italian.

Percentages stand where they need no article, which would change with the number (il 7%, l'8%).
"""

from __future__ import annotations

from types import MappingProxyType

from engine.charts.phrases import Words

ITALIAN = Words(
    language="it",
    actual="effettivi",
    predicted="previsti dal modello",
    purchases_each="Acquisti per cliente",
    units=MappingProxyType(
        {"day": ("giorno", "giorni"), "week": ("settimana", "settimane"), "month": ("mese", "mesi")}
    ),
    tracking="Riacquisti: quelli effettivi e quelli previsti dal modello",
    tracking_more="{customers} clienti; totale progressivo.",
    tracking_whole="Su tutto il periodo",
    tracking_unseen="Dopo la linea tratteggiata",
    tracking_below="{when} il modello sbaglia per difetto: −{gap}.",
    tracking_above="{when} il modello sbaglia per eccesso: +{gap}.",
    tracking_even="{when} il modello sbaglia di meno di un millesimo.",
    tracking_y="Riacquisti cumulati",
    calibration="periodo visto dal modello",
    window="periodo non visto",
    frequency="Chi comprava spesso, e quanto ha comprato dopo",
    frequency_more="Media per cliente in {length} che il modello non ha visto",
    frequency_x="Riacquisti durante la calibrazione (sotto: numero di clienti)",
    and_more="{count} o più",
    deciles="Acquisti previsti ed effettivi, decile per decile",
    deciles_more="Clienti in dieci gruppi uguali; media per cliente nel periodo che il modello non ha visto",
    deciles_x="Decile dei clienti (1: le previsioni più alte)",
    alive="Chi è probabilmente ancora cliente",
    alive_more="Primo acquisto {age} fa. Più spesso uno comprava, prima il silenzio vuol dire addio.",
    alive_x=MappingProxyType(
        {
            "day": "Giorni dal primo all’ultimo acquisto",
            "week": "Settimane dal primo all’ultimo acquisto",
            "month": "Mesi dal primo all’ultimo acquisto",
        }
    ),
    alive_y="Riacquisti",
    alive_legend="Probabilità",
    once="un solo acquisto: {chance}",
    concentration="Valore atteso del 10% migliore dei clienti: {share} del totale",
    concentration_more="{customers} clienti, dal più prezioso al meno prezioso",
    concentration_x="Quota dei clienti",
    concentration_y="Quota del valore atteso",
    best="{tenth} migliore dei clienti:|{share} del valore",
    equal="se tutti valessero lo stesso",
)
