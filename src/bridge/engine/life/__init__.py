"""How cases begin, join, part and go on in another ticket: linking, merging, following up. Changes of the ledger, and
plans for them; nothing here sends.
"""
