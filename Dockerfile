# syntax=docker/dockerfile:1
# Sentinel in one image: the sidecar, its commands and the stand-in model server.
#   docker build -t sentinel .                        with the in-process store: works alone
#   docker build -t sentinel --build-arg EXTRAS= .    300 MB less, for a store on a ClickHouse server
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG EXTRAS=embedded
WORKDIR /src
# The compiler stays in this stage: it builds the small classifiers' kernel.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY sentinel sentinel
COPY rules rules
COPY dashboards dashboards
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /opt/sentinel \
    && /opt/sentinel/bin/pip wheel --quiet --no-deps --wheel-dir /wheels . \
    && wheel="$(ls /wheels/*.whl)" \
    && /opt/sentinel/bin/pip install --quiet "${wheel}${EXTRAS:+[${EXTRAS}]}" \
    && /opt/sentinel/bin/python -m compileall -q /opt/sentinel/lib \
    && /opt/sentinel/bin/pip uninstall --quiet --yes pip

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="sentinel" \
      org.opencontainers.image.description="LLM monitoring and guardrails sidecar" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 sentinel \
    && useradd --system --uid 10001 --gid sentinel --home-dir /var/lib/sentinel sentinel \
    && install --directory --owner=sentinel --group=sentinel --mode=0700 /var/lib/sentinel /etc/sentinel
COPY --from=build /opt/sentinel /opt/sentinel
COPY --chown=sentinel:sentinel deploy/sentinel.yaml /etc/sentinel/sentinel.yaml
ENV PATH=/opt/sentinel/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SENTINEL_STATE_DIR=/var/lib/sentinel
USER sentinel
WORKDIR /var/lib/sentinel
# Runs every bundled rule's examples, which also leaves the compiled patterns in the state folder: the first
# start is a warm one (a new named volume begins with this content).
RUN sentinel rules test
VOLUME /var/lib/sentinel
EXPOSE 8081 9464
# SIGTERM drains: calls in flight finish, then the spool is emptied. Give `docker stop` that long.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9464/healthz', timeout=2)"]
CMD ["sentinel", "serve", "--config", "/etc/sentinel/sentinel.yaml"]
