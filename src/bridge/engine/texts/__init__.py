"""Everything people say: which comment or update of a ticket is due on the other side, in which words, with which files,
and what becomes of the copies. Nothing here sends or writes to the ledger; values of fields are in `values`.
"""
