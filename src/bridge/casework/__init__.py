"""PURE: the support workflow. Now: customer updates, the messages made from a template when a case moves.

What belongs here: what is due to be said, and how it reads. What does not: which native change means what (mapping), to
whom it may go (mapping), and sending it (engine).
"""
