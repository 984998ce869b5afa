"""Amounts: as people write them in Italian and English, and as the integers that are kept."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.money import exponent, micro_text, parse_amount, to_major, to_micro, to_minor

SPACES = (" ", "\u00a0", "\u202f", "'", "’")
WHOLE = st.integers(0, 10**12)
CENTS = st.integers(0, 99).map(lambda number: f"{number:02}") | st.integers(0, 9).map(str)


def grouped(whole: int, group: str) -> str:
    return f"{whole:,}".replace(",", group)


class TestMinorUnits:
    def test_currencies_have_their_own(self) -> None:
        assert [exponent(code) for code in ("EUR", "USD", "JPY", "KWD", "TND", "ISK")] == [2, 2, 0, 3, 3, 0]
        assert to_minor(Decimal("12.5"), "EUR") == 1250
        assert to_minor(Decimal(1200), "JPY") == 1200
        assert to_minor(Decimal("1.234"), "KWD") == 1234
        assert to_minor(Decimal("-0.01"), "EUR") == -1
        assert str(to_major(1250, "EUR")) == "12.50"
        assert str(to_major(1200, "JPY")) == "1200"
        assert str(to_major(-1, "KWD")) == "-0.001"

    @given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from(["EUR", "JPY", "KWD"]))
    def test_what_is_kept_can_be_shown_and_kept_again(self, minor: int, currency: str) -> None:
        assert to_minor(to_major(minor, currency), currency) == minor

    @pytest.mark.parametrize(
        ("amount", "currency"), [("0.005", "EUR"), ("1.5", "JPY"), ("1.2345", "KWD"), ("1e-9", "EUR")]
    )
    def test_nothing_is_rounded(self, amount: str, currency: str) -> None:
        with pytest.raises(ValueError, match=f"more decimals than {currency} knows"):
            to_minor(Decimal(amount), currency)

    def test_decimals_that_are_zero_are_none(self) -> None:
        assert to_minor(Decimal("12.5000"), "EUR") == 1250
        assert to_minor(Decimal("1200.00"), "JPY") == 1200

    @pytest.mark.parametrize(
        "amount", ["92233720368547758.08", "-1e17", "1e30", "123456789012345678901234567890.5", "1e999999999", "NaN"]
    )
    def test_more_than_64_bits_hold_is_refused(self, amount: str) -> None:
        with pytest.raises(ValueError, match="larger than any amount of money"):
            to_minor(Decimal(amount), "EUR")

    def test_the_largest_amount_fits(self) -> None:
        assert to_minor(Decimal("92233720368547758.07"), "EUR") == 2**63 - 1


class TestAmounts:
    @pytest.mark.parametrize(
        ("text", "amount"),
        [
            ("1.234,50", "1234.50"),
            ("1,234.50", "1234.50"),
            ("1.234.567,89", "1234567.89"),
            ("-12.5", "-12.5"),
            ("€ 1 200", "1200"),
            ("1\u00a0234\u202f567,5", None),  # two kinds of spaces
            ("1'234.50", "1234.50"),
            ("1 234,567", "1234.567"),  # the spaces make it clear
            ("12,50 €", "12.50"),
            ("€12,50", "12.50"),
            ("-€12.50", "-12.50"),
            ("€ -12.50", "-12.50"),
            ("− 3", "-3"),
            ("+7", "7"),
            ("USD 12", "12"),
            ("12 CHF", "12"),
            (" 12 ", "12"),
            ("12,", "12"),
            ("0,125", "0.125"),
            ("0.5", "0.5"),
            ("1234.567", "1234.567"),  # thousands would have a mark before the last six digits
            ("1,234,567", "1234567"),
            ("1.234.567", "1234567"),
        ],
    )
    def test_as_people_write_them(self, text: str, amount: str | None) -> None:
        if amount is None:
            with pytest.raises(ValueError, match="is not an amount"):
                parse_amount(text)
        else:
            assert parse_amount(text) == Decimal(amount)

    @pytest.mark.parametrize(
        "text",
        ["", "€", "-", "abc", "12 abc", "--3", "-€-3", "1 2", "12 34,5", "1'2", "1.2.3", "1,23,456", "12.,",
         "1.234,567,8",
         "1 234.567,8", "1234.567,8",
         "1e3", "0x10", "NaN", "Infinity", "٣", "½", "12.50 EUR EUR", "1,234 567", ",5", "1__0"],
    )  # fmt: skip
    @pytest.mark.parametrize("decimal", ["", ",", "."])
    def test_what_is_no_amount_is_named(self, text: str, decimal: str) -> None:
        with pytest.raises(ValueError, match="is not an amount"):
            parse_amount(text, decimal)

    @pytest.mark.parametrize("text", ["1.234", "1,234", "12.345", "-123,456", "€ 1.234"])
    def test_thousands_or_decimals_is_for_the_configuration_to_say(self, text: str) -> None:
        with pytest.raises(ValueError, match=r'say decimal = "," or "\." in the configuration'):
            parse_amount(text)
        plain = text.removeprefix("€ ")
        assert parse_amount(text, ",") == Decimal(plain.replace(".", "").replace(",", "."))
        assert parse_amount(text, ".") == Decimal(plain.replace(",", ""))

    def test_a_known_mark_is_held_to(self) -> None:
        for text, decimal in (("12.50", ","), ("12,50", "."), ("1.234,5", "."), ("1,234.5", ","), ("1 234.5", ",")):
            with pytest.raises(ValueError, match="is not an amount"):
                parse_amount(text, decimal)

    @given(
        WHOLE,
        CENTS,
        st.sampled_from(["", "-", "+"]),
        st.sampled_from(["{}", "€ {}", "{} €", "EUR {}", "£{}"]),
        st.booleans(),
    )
    def test_italian_and_english(self, whole: int, cents: str, sign: str, frame: str, italian: bool) -> None:
        group, mark = (".", ",") if italian else (",", ".")
        number = grouped(whole, group) + mark + cents
        expected = Decimal(f"{'-' if sign == '-' else ''}{whole}.{cents}")
        for text in (sign + frame.format(number), frame.format(sign + number)):
            assert parse_amount(text, mark) == expected
            assert parse_amount(text) == expected  # one or two decimals leave no doubt

    @given(WHOLE, CENTS, st.sampled_from([*SPACES, ""]), st.sampled_from([",", "."]))
    def test_thousands_set_apart_by_spaces_or_not_at_all(self, whole: int, cents: str, space: str, mark: str) -> None:
        text = grouped(whole, space) + mark + cents
        assert parse_amount(text) == parse_amount(text, mark) == Decimal(f"{whole}.{cents}")

    @given(st.text("0123456789.,' -€", max_size=10), st.sampled_from(["", ",", "."]))
    def test_no_digit_is_lost_or_made(self, text: str, decimal: str) -> None:
        found = None
        with suppress(ValueError):
            found = parse_amount(text, decimal)
        if found is not None:
            digits = "".join(sign for sign in text if sign.isdigit())
            assert int(digits) == int("".join(map(str, found.as_tuple().digits)))


@pytest.mark.parametrize(
    ("micro", "currency", "text"),
    [
        (2_400_000, "EUR", "2.40 EUR"),
        (1_000, "EUR", "0.001 EUR"),
        (0, "EUR", "0.00 EUR"),
        (200_000_000, "JPY", "200 JPY"),
        (1, "EUR", "0.000001 EUR"),
        (1_500_000, "KWD", "1.500 KWD"),
        (10**15, "EUR", "1000000000.00 EUR"),
    ],
)
def test_millionths_are_told_with_as_many_decimals_as_they_need(micro: int, currency: str, text: str) -> None:
    assert micro_text(micro, currency) == text
    assert to_micro(Decimal(text.split()[0])) == micro


@pytest.mark.parametrize("amount", ["0.0000001", "10000000000000"])
def test_what_is_too_fine_or_too_large_for_millionths_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="millionths"):
        to_micro(Decimal(amount))
