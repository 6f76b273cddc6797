"""The way out: journal before the wire, every answer written down, and what is unknown found out before anything is sent
again. What may be sent is decided before, in the plan and by the guards.
"""
