"""What stands for SageMaker's scikit-learn container: its serving contract, without Docker."""
