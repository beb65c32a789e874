"""Brings in the tool calls that others make: what agents log, and what passes to their servers.

`import_calls` reads what agents log into the analytics database, each call once. `hook_settings`
is what makes an agent say by itself when there is something new. `wrap` runs an MCP server and
records its calls as they pass.

Importing this package imports nothing else: each name brings its module when it is first asked for.
"""

import sys

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:  # what `_MODULES` says, for type checkers
    from devflow_analytics_capture.enabling.enable import (
        ENABLE_CLIENTS as ENABLE_CLIENTS,
        disable as disable,
        enable as enable,
        mcp_settings as mcp_settings,
    )
    from devflow_analytics_capture.enabling.found import (
        McpFile as McpFile,
        McpServer as McpServer,
        McpSettings as McpSettings,
    )
    from devflow_analytics_capture.enabling.hint import clients_to_enable as clients_to_enable
    from devflow_analytics_capture.errors import (
        AgentNotFoundError as AgentNotFoundError,
        PortTakenError as PortTakenError,
        ServerAddressError as ServerAddressError,
        ServerNotFoundError as ServerNotFoundError,
        SettingsChangedError as SettingsChangedError,
        SettingsError as SettingsError,
    )
    from devflow_analytics_capture.hooks import (
        HOOK_CLIENTS as HOOK_CLIENTS,
        HooksChanged as HooksChanged,
        HookSettings as HookSettings,
        hook_settings as hook_settings,
        installed_hook_clients as installed_hook_clients,
        remove_hooks as remove_hooks,
        write_hooks as write_hooks,
    )
    from devflow_analytics_capture.importers import CLIENTS as CLIENTS
    from devflow_analytics_capture.importing import import_calls as import_calls
    from devflow_analytics_capture.proxy.http.proxy import WrapUrl as WrapUrl, wrap_url as wrap_url
    from devflow_analytics_capture.proxy.stdio.arguments import wrap_arguments as wrap_arguments
    from devflow_analytics_capture.proxy.stdio.proxy import wrap as wrap
    from devflow_analytics_capture.result import (
        ClientImport as ClientImport,
        Imported as Imported,
        Place as Place,
    )
    from devflow_analytics_capture.unread import Unread as Unread, unread_logs as unread_logs

_MODULES = {
    "enabling.enable": ("ENABLE_CLIENTS", "disable", "enable", "mcp_settings"),
    "enabling.found": ("McpFile", "McpServer", "McpSettings"),
    "enabling.hint": ("clients_to_enable",),
    "errors": (
        "AgentNotFoundError",
        "PortTakenError",
        "ServerAddressError",
        "ServerNotFoundError",
        "SettingsChangedError",
        "SettingsError",
    ),
    "hooks": (
        "HOOK_CLIENTS",
        "HookSettings",
        "HooksChanged",
        "hook_settings",
        "installed_hook_clients",
        "remove_hooks",
        "write_hooks",
    ),
    "importers": ("CLIENTS",),
    "importing": ("import_calls",),
    "proxy.stdio.arguments": ("wrap_arguments",),
    "proxy.http.proxy": ("WrapUrl", "wrap_url"),
    "proxy.stdio.proxy": ("wrap",),
    "result": ("ClientImport", "Imported", "Place"),
    "unread": ("Unread", "unread_logs"),
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
