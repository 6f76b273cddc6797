"""What the vendor's own people are told of a case, and where they decide about what bridge gave up or left open.
How a note is worded and placed is `texts.notes`.
"""
