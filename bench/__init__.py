"""Benches: how fast it is beside its peers, measured and never a test."""
