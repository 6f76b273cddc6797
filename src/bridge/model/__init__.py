"""Canonical words as frozen types, and the ports of ledger-backed things. No I/O, no vendor, nothing mutable.

What belongs here: a word of the glossary that more than one room needs. What does not: anything that opens a socket, a
file or a database, and anything only one vendor knows.
"""
