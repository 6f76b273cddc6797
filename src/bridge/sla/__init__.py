"""PURE: calendars, contracts and clocks. Nothing stands here yet.

What will belong here: arithmetic over facts. What will not: the present, a database, a vendor.
"""
