"""The command line, `python -m training`: commands, their options, and what they say."""
