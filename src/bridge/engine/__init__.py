"""Where work runs: intake → reconcile → deliver.

Rooms, each on top of those after it:

- `daemon`, `worker`, `turns`, `batch`, `plan`, `sweep`, `foresight`, `watch`: the round. Due groups are taken in hand, read,
  planned, written down and sent.
- `intake`: feeds and hints; which groups are due.
- `sending`: requests and their outcomes.
- `life`: cases begin, join, part and go on.
- `people`: what the vendor's people are told and decide.
- `guards`: what stops a write that must not happen.
- `values`: fields.
- `texts`: comments, updates, files and their copies.
- `state`, `route`, `connections`, `clock`, `keys`, `letters`, `patience`: the ground all of it stands on.

Nothing here knows a vendor; SQL stays in `store`.
"""
