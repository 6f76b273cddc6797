"""The three simulated vendors, on loopback, with state, limits and faults: for the demo, the tests and rehearsals.

`world` holds what all sites share (clock, faults, request log), `site` what every simulated site is, `server` the HTTP
around them, `control` the API under `/_sandbox/`; `zendesk/`, `jira/` and `github/` are the vendors. A site is as strict
as its vendor: what the vendor refuses, it refuses in the same words. All state is plain JSON, so it can live in a file.
"""
