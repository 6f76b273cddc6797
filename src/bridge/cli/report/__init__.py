"""A month's report of what was promised: the command, and its forms: text, CSV, JSON, and a page for people.

What belongs here: how figures read. What does not: how they are counted (`bridge.sla.figures`, `bridge.engine.clocks`).
"""
