"""What an agent runs after each tool call: a script that notes the call, and is gone.

::

    python -I -S hook.py CLIENT [DATABASE] < payload

Whatever happens, nothing is printed and the exit status is 0: agents show anything else to people,
or to the model. A call that cannot be noted is left to the import of the agent's log.

It is small, as Python compiles a script at each start, and keeps what it has compiled of modules.
"""

import posix
import sys

if __name__ == "__main__":
    try:
        # at the end, so that no module of Python's is looked for among those of others
        sys.path.append(__file__.rpartition("/devflow_analytics_capture/")[0])
        from devflow_analytics_capture.noting.note import note

        note(sys.argv[1:], posix.environ)
    except BaseException:  # noqa: BLE001, S110  there is nobody to be told
        pass
    posix._exit(0)  # noqa: SLF001  at once: all that Python does at its end takes time
