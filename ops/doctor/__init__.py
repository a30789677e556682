"""What is missing or wrong, before there is a stack and after: a line for each thing that is looked at."""
