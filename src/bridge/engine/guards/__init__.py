"""What stops a write that must not happen: readers, brakes, a late embargo, a tracker that turned public, and the last
look in the transaction that marks a request as being sent. A guard sends nothing.
"""
