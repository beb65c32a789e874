#!/usr/bin/env bash
# Runs a server on stdio as the proxy of `devflow-analytics wrap` does, as `wrap.sh SESSION DATABASE
# COMMAND...`: with the mark of a proxy, and without one.
set -eu
export DEVFLOW_ANALYTICS_WRAP="$1 $(stat -L -c %d:%i /dev/stdin) $2"
shift 2
exec "$@"
