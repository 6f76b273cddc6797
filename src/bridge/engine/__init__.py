"""Where work runs: intake → reconcile → deliver.

`intake` reads feeds and says which groups are due; `batch` takes due groups in hand and brings each into agreement:
`state` is what is known of a group, `fields`, `threads` and `updates` say what its fields, comments and customer
updates need, `plan` gathers that into operations, `delivery` sends them, `recovery` finds out what became of those whose
outcome is unknown. `daemon` runs all of it in worker threads. Nothing here knows a vendor; SQL stays in `store`.
"""
