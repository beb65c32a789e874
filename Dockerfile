# The devflow-analytics command and what it imports, for a user without rights: docs/container.md.

FROM python:3.12-slim-bookworm AS build

COPY --from=ghcr.io/astral-sh/uv:0.13.9 /uv /usr/local/bin/uv

# The base's Python, as the final stage has the same; copies, as the cache is another file system;
# the system's certificates, so that a build behind a proxy trusts what its machine trusts.
ENV UV_PYTHON=/usr/local/bin/python3 \
    UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1 \
    UV_SYSTEM_CERTS=1 \
    UV_PROJECT_ENVIRONMENT=/opt/devflow-analytics

WORKDIR /build
COPY pyproject.toml uv.lock LICENSE ./
COPY packages packages
# uv's lock would be a file in there that everybody may write to
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-editable --no-default-groups --package devflow-analytics-cli \
    --extra dashboard \
    && rm -f "$UV_PROJECT_ENVIRONMENT/.lock"


FROM python:3.12-slim-bookworm

LABEL org.opencontainers.image.title="devflow-analytics" \
      org.opencontainers.image.description="A record of what AI agents do through MCP tools, in one SQLite file" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="0.1.0"

# A named volume takes owner and mode from this directory, so it must be there before VOLUME.
RUN groupadd --gid 10001 devflow \
    && useradd --uid 10001 --gid devflow --no-create-home --shell /usr/sbin/nologin devflow \
    && install --directory --mode=0755 /home/devflow \
    && install --directory --owner=devflow --group=devflow --mode=0700 /home/devflow/.devflow

# root's, so that the user cannot change the code
COPY --from=build /opt/devflow-analytics /opt/devflow-analytics

# The base has no bytecode of the standard library, and under a read-only root each start would
# compile anew, for 100 of its 135 ms. A run as root leaves the bytecode of the modules in use.
RUN export HOME=/tmp/compiling PATH="/opt/devflow-analytics/bin:$PATH" \
    && mkdir "$HOME" \
    && devflow-analytics --quiet init \
    && devflow-analytics --quiet status \
    && devflow-analytics --quiet check \
    && python -c "import json, subprocess, urllib.request as web; \
serve = 'devflow-analytics', 'dashboard', '--json', '--no-browser'; \
page = subprocess.Popen(serve, stdout=subprocess.PIPE); \
url, _, key = json.loads(page.stdout.readline())['url'].partition('#key='); \
header = {'Authorization': 'Bearer ' + key}; \
web.urlopen(web.Request(url + 'api/summary', headers=header)).read(); \
page.send_signal(2); \
page.wait(9)" \
    && rm -r "$HOME"

# HOME also for the users that --user names and /etc/passwd does not know. SQLite sorts large
# indexes in temporary files, and under a read-only root only the volume has room for them. A
# published port leads to the container's own address, so the page may listen on that.
ENV PATH="/opt/devflow-analytics/bin:$PATH" \
    HOME=/home/devflow \
    SQLITE_TMPDIR=/home/devflow/.devflow \
    DEVFLOW_ANALYTICS_IN_CONTAINER=1 \
    PYTHONDONTWRITEBYTECODE=1

# a number, as Kubernetes cannot tell whether a name is root's
USER 10001:10001
WORKDIR /home/devflow
VOLUME /home/devflow/.devflow

# Python hears SIGINT even as process 1, and the command then leaves nothing half done.
STOPSIGNAL SIGINT

# For the long-lived containers of images built on this one: the database is there and current.
HEALTHCHECK --interval=1m --timeout=10s --start-period=10s \
    CMD ["devflow-analytics", "--quiet", "status", "--exit-code"]

ENTRYPOINT ["devflow-analytics"]
CMD ["--help"]
