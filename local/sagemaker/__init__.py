"""A stand-in for SageMaker: model registry, models and batch transform, as strict as the service."""
