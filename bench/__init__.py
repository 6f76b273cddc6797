"""Measurements: ratios, never bare times."""
