"""Predictions in real time: a few rows in a request, answered by the version that the endpoint serves."""
