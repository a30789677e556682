"""The ledger over moto, as the adapters' tests have it."""

from tests.service.conftest import clients, drops, dynamodb, index, jobs, made_clients, table

__all__ = ["clients", "drops", "dynamodb", "index", "jobs", "made_clients", "table"]
