"""PURE: calendars, contracts and clocks.

What belongs here: calendar arithmetic (`calendar`, `timetable`), what a contract says and whether it makes sense
(`contract`, `terms`, `lint`, `paper`), clocks as folds of facts (`facts`, `fold`), what is due (`wake`) and what to report
(`figures`). What does not: the present, a database, a vendor, where holidays and zone data come from, native fields.
"""
