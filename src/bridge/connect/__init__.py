"""What every connector shares: the port it implements, the registry that finds it, and one HTTP policy.

`port` is what bridge asks of a vendor's product, `registry` finds the installed connectors, `wire` is the policy (limits,
one total deadline, counting, errors), `limiter` the permits of one process. What belongs here knows HTTP but no vendor;
a vendor's way of saying things is a `Dialect` its connector hands in. No routes, no mapping, no ledger, no retries.
"""
