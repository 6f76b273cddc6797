"""The clocks of contracts, run over what happened on both sides: histories told in the words clocks understand, folded,
kept in the ledger, and whatever is due told once. What a promise means is `bridge.sla`; nothing here is about the mirror.
"""
