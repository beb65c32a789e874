# `uv run just` lists the recipes; CI runs `just ci`.

set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments # "$@" hands on words with spaces as they were given

packages := "devflow-analytics-schema devflow-analytics-db devflow-analytics-recorder devflow-analytics-capture devflow-analytics-reports devflow-analytics-dashboard devflow-analytics-cli"

# what no module of ours imports: what an extra brings for the user's own server, and the time zones
# that zoneinfo reads where the system has none
brought := "DEP002=fastmcp|mcp|tzdata"

_default:
    @just --list

# Run all tests in parallel; arguments go to pytest
test *arguments:
    uv run --locked python -m pytest -n auto --dist worksteal "$@"

# Run the fault-injection tests (minutes); arguments go to pytest
test-faults *arguments:
    # more than there are cores: they wait for the disk and for each other
    uv run --locked python -m pytest -n 4 --dist worksteal -m faults tests/faults "$@"

# Compare every figure of every answer with what DuckDB calculates; arguments go to pytest
test-figures *arguments:
    uv run --locked python -m pytest -m figures tests/reports "$@"

# Use the page in Chromium, as people do; arguments go to pytest
test-browser *arguments:
    uv run --locked python -m pytest -n 2 --dist worksteal -m browser tests/browser "$@"

# Record real MCP servers, driven by real clients, of every version or of those that are named
test-mcp *versions:
    # each version in a worker of its own, as it is staged once; -k takes names joined by "or"
    uv run --locked python -m pytest -n 6 --dist loadscope -m mcp tests/mcp \
        -k "{{ replace(versions, ' ', ' or ') }}"

# Let real servers and clients talk through the proxy; arguments go to pytest; needs npm
test-proxy *arguments:
    # as many as there are clients, of which each waits a lot
    uv run --locked python -m pytest -n 3 --dist worksteal -m proxy tests/proxy "$@"

# Run test-faults, and write its counts into docs/safety.md
reliability: (test-faults "--junit-xml=dist/faults.xml")
    uv run --locked python tools/count_cases.py dist/faults.xml

# Let four processes write for two minutes, and do all else that there is beside them
soak seconds="120":
    DEVFLOW_SOAK_SECONDS="$1" uv run --locked python -m pytest -m faults \
        tests/faults/test_soak.py

# Run each package's tests in an environment of its own, and demand 95 % of it covered by them
[parallel]
alone python="3.11": (_alone "devflow-analytics-schema" python) (_alone "devflow-analytics-db" python) (_alone "devflow-analytics-recorder" python) (_alone "devflow-analytics-capture" python) (_alone "devflow-analytics-reports" python) (_alone "devflow-analytics-dashboard" python) (_alone "devflow-analytics-cli" python)

# with nothing but its own dependencies: an import that it does not declare fails. The command's
# extra is one of them; without it `just wheels` runs the command.
_alone package python:
    COVERAGE_FILE=.coverage.d/{{ package }}/data \
        uv run --locked --isolated --python {{ python }} --package {{ package }} \
        {{ if package == "devflow-analytics-cli" { "--extra dashboard" } else { "" } }} \
        --no-default-groups --group test {{ quote(just_executable()) }} _covered {{ package }}

# by its own tests: what another package's happen to run does not count
_covered package:
    rm -rf "$(dirname "$COVERAGE_FILE")"; mkdir -p "$(dirname "$COVERAGE_FILE")"
    python -m pytest -q -n 2 --dist worksteal --cov --cov-report= packages/{{ package }}
    coverage report --include="packages/{{ package }}/src/*" --fail-under=95

# Run all tests on each Python that is supported, or on those that are named
pythons *versions="3.11 3.12 3.13":
    for version in {{ versions }}; do \
        {{ quote(just_executable()) }} _on "$version" packages tests; \
    done

_on version *paths:
    uv run --locked --isolated --python {{ version }} --no-default-groups --group test \
        --group browser --group faults --group tools python -m pytest -q -n auto --dist worksteal {{ paths }}

# Measure what of each package all tests cover; `just alone` is what demands a figure
coverage:
    uv run --locked coverage erase
    uv run --locked python -m pytest -q -n auto --dist worksteal --cov --cov-report=
    rm -f .coverage.* # half written by processes that a test killed
    uv run --locked coverage report

# Check style, types and imports, and that the lock file is current
lint:
    uv lock --check
    uv run --locked ruff check
    uv run --locked ruff format --check
    uv run --locked codespell
    git ls-files -z | xargs -0 uv run --locked check-merge-conflict --assume-in-merge
    uv run --locked mypy packages/*/src packages/*/typing_tests tools benchmarks
    uv run --locked lint-imports --no-cache --no-logo
    for package in {{ packages }}; do \
        (cd "packages/$package" && uv run --locked deptry --per-rule-ignores "{{ brought }}" src); \
    done
    uv run --locked hadolint Dockerfile
    uv run --locked check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

# Draft the next migration from what was changed in the entities
migration name:
    uv run --locked python tools/draft_migration.py "$1"

# Write every generated part of the docs, and schema.sql; the table of errors only as root
docs:
    uv run --locked python tools/docs.py

# Set the version of every package
version new:
    uv run --locked python tools/set_version.py "$1"

# Keep a file of the newest schema version, for the tests of all later ones
golden *version:
    uv run --locked python tools/make_golden.py "$@"

# Put right what can be put right without thinking
fix:
    uv run --locked ruff check --fix
    uv run --locked ruff format

# Build an SQLite that is too old into a directory, for the tests of that; needs npm and gcc
old-sqlite directory:
    tools/build_old_sqlite.sh {{ quote(directory) }}

# Measure what everything costs, or only packages, proxy or dashboard, and write it down; minutes
bench *parts:
    # installed as a user has it: from wheels, built anew, and without the tools of development
    uv run --locked --isolated --no-editable --no-default-groups --group bench \
        {{ prepend("--reinstall-package ", packages) }} python -m benchmarks "$@"

# Take the pictures of the page that the docs show; needs Chromium
pictures:
    uv run --locked python tools/pictures.py

# Build every wheel, and use each one alone in an empty environment
wheels:
    uv run --locked python tests/check_wheels.py

# Build the image, and hold containers of it to what docs/container.md says; needs docker or podman
image-check:
    uv run --locked python tests/check_image.py

# Everything that a change must pass, but for the faults
check: _but-the-oldest (_on "3.11" "packages" "tests")

# Everything that CI runs, but for the image and for `just test` on the oldest Python, its last line
ci: _but-the-oldest test-figures test-browser test-faults test-mcp test-proxy

# all tests once on each newer Python; on one of them, each package alone, and measured
_but-the-oldest: lint wheels (alone "3.12") (_on "3.12" "tests") (_on "3.13" "packages" "tests")
