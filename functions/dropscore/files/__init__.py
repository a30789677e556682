"""What is done with files, and the process of its own that it is done in."""
