"""PURE: what to do about a difference. Values in, decisions out; no mapping, no clock, no ledger, no socket.

`table` is the truth table for one field. What a value means in the two
vendors' words is settled before it arrives here.
"""
