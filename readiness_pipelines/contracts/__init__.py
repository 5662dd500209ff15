"""What a product promises: tables, columns, types, classes, owner and steward, as an ODCS 3.x contract."""

from readiness_pipelines.contracts.contract import Column, Contract, Reading, Table, load_contract, read_contract
from readiness_pipelines.contracts.service_level import ServiceLevel

__all__ = ["Column", "Contract", "Reading", "ServiceLevel", "Table", "load_contract", "read_contract"]
