#!/usr/bin/env bash
# Runs a server on stdio, as `launch.sh DIRECTORY COMMAND...`. What it writes to stdout goes into the
# file DIRECTORY/wire and then to the client, and what it writes to stderr into DIRECTORY/stderr.
# The pipe DIRECTORY/alive is open as long as it runs.
set -eu
directory=$1
shift
exec 9>"$directory/alive" 3>&1
echo $$ >"$directory/pid"
exec "$@" > >(exec tee /dev/fd/3 >"$directory/wire") 2>"$directory/stderr" 3>&-
