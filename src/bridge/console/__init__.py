"""The web: webhooks in; a REST API and pages later.

What belongs here: what is said over HTTP, and who may say it. What does not: work, a vendor's name, and anything that a
delivery claims about a ticket; the engine reads tickets itself.
"""
