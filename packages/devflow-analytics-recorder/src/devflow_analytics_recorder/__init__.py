"""Records the tool calls of a Python program or MCP server for DevFlow Analytics.

`record` records every call of an MCP server, by one line. A `Recorder` is for programs that know
their calls themselves. Both do nothing if ``DEVFLOW_ANALYTICS_ENABLED`` is 0, and neither ever
raises into the program, makes it wait for the database, or writes to its output.
"""

from devflow_analytics_recorder.adoption import Drained, drain
from devflow_analytics_recorder.call import Call
from devflow_analytics_recorder.ids import named_id
from devflow_analytics_recorder.recorder import Recorder, Session

__version__ = "0.1.0"

__all__ = ["Call", "Drained", "Recorder", "Session", "drain", "named_id"]
