"""What a product promises: tables, columns, types, classes, owner and steward, as an ODCS 3.x contract."""

from readiness_pipelines.contracts.contract import Column, Contract, Table, load_contract
from readiness_pipelines.contracts.service_level import ServiceLevel

__all__ = ["Column", "Contract", "ServiceLevel", "Table", "load_contract"]
