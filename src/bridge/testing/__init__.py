"""Shipped help for testing what is built on bridge: a clock that is told the time, and the connector conformance suite.

What belongs here: what the author of a connector, inside or outside this repository, needs to prove that it keeps the
port's promises. What does not: tests themselves, and fakes of bridge's own parts. `conformance` needs pytest installed.
"""
