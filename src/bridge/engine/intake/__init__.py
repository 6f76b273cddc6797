"""The way in: feeds, hints and webhooks say which tickets changed, they are read, and their groups are due. What that
means for a group is not asked here.
"""
