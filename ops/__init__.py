"""The operator's command line: what a person does with a stack that runs."""
