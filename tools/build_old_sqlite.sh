#!/usr/bin/env bash
# Build SQLite 3.34.0, from before STRICT tables, as a library that Python loads if LD_LIBRARY_PATH
# names its directory. Run by `just old-sqlite DIRECTORY`; needs npm and gcc, and takes seconds.
set -euo pipefail
mkdir -p "$1"
directory=$(cd "$1" && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# This release of the package has the source of that release of SQLite in it.
npm pack --silent better-sqlite3@7.1.2 >/dev/null
echo "a590bb248ced3b987c92cbaa798df47dabc62190c973121c4d07eff4d5780902  better-sqlite3-7.1.2.tgz" |
    sha256sum --check --quiet
tar -xzf better-sqlite3-7.1.2.tgz --to-stdout package/deps/sqlite3.tar.gz | tar -xz sqlite3.c

# With what Python's sqlite3 module may have been linked against.
gcc -O0 -w -shared -fPIC \
    -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_DESERIALIZE -DSQLITE_ENABLE_FTS5 \
    -DSQLITE_ENABLE_LOAD_EXTENSION -DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_ENABLE_RTREE \
    sqlite3.c -o "$directory/libsqlite3.so.0" -ldl -lm -lpthread
