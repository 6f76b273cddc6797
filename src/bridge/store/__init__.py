"""The ledger: everything bridge must not forget, on SQLite (default) or PostgreSQL.

`schema` is the tables, `ledger` opens them and gives out transactions, and one module a concern does the reading and
writing: `readings` (what sites showed), `hands` (which group is due, and who holds it), `links` (links, bases, items),
`journal` (operations and attempts). Nothing here decides anything, and nothing here knows a vendor or a site.
"""
