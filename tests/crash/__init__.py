"""Killing the daemon while people work.

What belongs here: the launcher that dies at named points, the people who go on working meanwhile, and the siege that
kills, restarts, restores and at last judges. `python -m bench.crash` runs the same for long. What does not: faults that
leave the process alive, which are acceptance tests.
"""
