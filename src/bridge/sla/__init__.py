"""PURE: calendars, contracts and clocks.

What belongs here: calendar arithmetic (`calendar`, `timetable`). What does not: the present, a database, a vendor, where
holidays and zone data come from.
"""
