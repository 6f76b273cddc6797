"""Measurements: ratios and counts, never bare times.

What belongs here: programs that run the real bridge against the sandbox in another process and print what it cost
(`python -m bench`), or replay real incident histories through it and judge the result (`python -m bench.replay`). What
does not: anything the product needs, and tests that pass or fail by a time.
"""
