"""The real-time endpoint of the approved version: serverless, updated blue/green."""
