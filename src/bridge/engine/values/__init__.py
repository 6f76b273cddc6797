"""The fields of a ticket: native readings translated, the truth table asked, what the past tells where it decides.
The table itself is `bridge.sync`, the translation `bridge.mapping`.
"""
