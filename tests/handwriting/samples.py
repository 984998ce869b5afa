"""Texts and addresses that the tests of the hand share, and what hypothesis may draw from."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from engine.core.facts import Address
from engine.handwriting.fonts import Stroke

TEXT = (
    "Cara Letizia,\nè già un anno che sei con noi: perché non festeggiare? Qui c'è un buono da 15 € per il tuo "
    "prossimo acquisto, così potrai provare il caffè più buono della città.\nA presto!"
)
SIGNATURE = "Niccolò, l'amico di bottega"
THANKS = (
    "Gentile Signora Bianchi,\ngrazie per averci affidato la manutenzione della caldaia. Marco ci ha raccontato che da "
    "Lei si sta proprio bene: ora l’impianto è a posto per tutto l’inverno. Se qualcosa non La convince, ci chiami "
    "allo 0543 123456: veniamo noi, senza costi, entro 24 ore.\nUn caro saluto da tutti noi"
)
HOME = Address(street="Viale Roma 7/B", postcode="47121", city="Forlì", region="FC", country="IT")
BOLOGNA = Address(street="Via Giosuè Carducci 115", postcode="40126", city="Bologna", region="BO", country="IT")
BERLIN = Address(street="Große Friedrichstraße 12", postcode="10117", city="Berlin", country="DE")

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
ACCENTED = (
    "àèéìíîòóôùúâêûëïöüäåãõñçčćďěęąłńňřśšťůűőýÿźżžşşğıøđ"  # names between Lisbon and Ankara
    "ÀÈÉÌÍÎÒÓÔÙÚÂÊÛËÏÖÜÄÅÃÕÑÇČĆĎĚĘĄŁŃŇŘŚŠŤŮŰŐÝŸŹŻŽŞĞİØĐ"
)
MARKS = ".,:;!?¡¿'\"’‘“”„«»‹›-–—()[]{}/\\@#&%€£$¥+=*<>°·½¼²³_^|~"
ALPHABET = LETTERS + DIGITS + ACCENTED + MARKS + "ß"  # drawn as they are
TYPED = ALPHABET + "œŒæÆ…"  # some are spelt out

words = st.text(ALPHABET, min_size=1, max_size=12)
lines = st.lists(st.text(TYPED, min_size=1, max_size=12), min_size=1, max_size=14).map(" ".join)
texts = st.lists(lines, min_size=1, max_size=6).map("\n".join)
seeds = st.text(max_size=12)


few = settings(max_examples=25, deadline=None)  # for what draws whole lines and pages


def ink_length(strokes: tuple[Stroke, ...]) -> float:
    """The way that the pen makes on the paper."""
    return float(sum(np.hypot(*np.diff(stroke, axis=0).T).sum() for stroke in strokes))
