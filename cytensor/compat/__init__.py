"""Programs written for other libraries: their names, mapped to cytensor's."""
from cytensor.compat.names import install, uninstall

__all__ = ["install", "uninstall"]
