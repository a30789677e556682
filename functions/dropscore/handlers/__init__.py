"""The doors: one module per function; they parse, call and answer."""
