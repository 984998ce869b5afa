"""Premura: what each customer is worth, and the right care at the right moment."""

__version__ = "0.1.0"
