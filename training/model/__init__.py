"""Fitting a model with train.py, here or on SageMaker; what it measures, and the archive it is packed in."""
