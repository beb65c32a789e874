"""A local page, and an HTTP API, of the tool calls that DevFlow Analytics has recorded.

Importing this package imports nothing else: each name brings its module when it is first asked for.
"""

import sys

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:  # what `_MODULES` says, for type checkers
    from devflow_analytics_dashboard.app import create_app as create_app
    from devflow_analytics_dashboard.errors import (
        AddressError as AddressError,
        PortTakenError as PortTakenError,
    )
    from devflow_analytics_dashboard.openapi_document import openapi as openapi
    from devflow_analytics_dashboard.serving import Dashboard as Dashboard

_MODULES = {
    "app": ("create_app",),
    "errors": ("AddressError", "PortTakenError"),
    "openapi_document": ("openapi",),
    "serving": ("Dashboard",),
}
"""The public names, by the module that has them."""

__all__ = sorted(["__version__", *(name for names in _MODULES.values() for name in names)])  # noqa: PLE0605  a list all the same


def __getattr__(name: str) -> object:
    found = [module for module, names in _MODULES.items() if name in names]
    if not found:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = f"{__name__}.{found[0]}"
    try:
        __import__(module)
        value: object = getattr(sys.modules[module], name)
    except AttributeError as error:  # which would say that this package has no such name
        raise ImportError(f"{module} failed to import: {error}", name=module) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
