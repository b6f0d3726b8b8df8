"""Whole functions as C: for export, and as function pointers."""
from cytensor.export.unit import ExportError

__all__ = ["ExportError"]
