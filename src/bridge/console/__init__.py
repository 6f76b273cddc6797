"""The web: webhooks in, a REST API, pages. Nothing stands here yet.

What will belong here: what is said over HTTP. What will not: work, and anything the ledger's ports do not offer.
"""
