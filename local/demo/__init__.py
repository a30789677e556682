"""`make demo`: files scored end to end on the embedded stack, and a report of what came out."""
