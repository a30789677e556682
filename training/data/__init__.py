"""The data a model learns from: rows with features and target, split into the channels train and test."""
