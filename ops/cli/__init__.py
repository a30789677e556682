"""The commands of the operator's command line; what they do is in the modules above."""
