# syntax=docker/dockerfile:1
#
#   docker build -t weir:0.1.0 .
#   docker build -t weir:0.1.0 --secret id=pip,src=pip.conf .        # from an index of your own
#   docker build -t weir:0.1.0 --build-arg PYTHON=python:3.11.14-slim-bookworm@sha256:… .
#
# It holds Weir and no model. For Kubernetes add yours: FROM weir:0.1.0, COPY registry /srv/weir/registry
ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
RUN python -m venv /opt/build && python -m venv --without-pip /opt/weir
WORKDIR /src
COPY requirements/base.txt requirements/build.txt requirements/
# The secret is a pip.conf, where the index is not pip's own; it stays out of every layer.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements/build.txt \
    && /opt/build/bin/pip --python /opt/weir/bin/python install --require-hashes --only-binary :all: -r requirements/base.txt
COPY pyproject.toml README.md ./
COPY docs/runbooks docs/runbooks
COPY benchmarks benchmarks
COPY drift drift
COPY models models
COPY streams streams
RUN /opt/build/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir dist . \
    && /opt/build/bin/pip --python /opt/weir/bin/python install --no-deps --no-index dist/*.whl \
    && install -d -m 0700 -o 65534 -g 65534 /state

FROM ${PYTHON}
LABEL org.opencontainers.image.title="weir" org.opencontainers.image.version="0.1.0"
COPY --from=build /opt/weir /opt/weir
# The one place that a worker writes to; nothing in it must survive.
COPY --from=build --chown=65534:65534 /state /var/lib/weir
ENV PATH=/opt/weir/bin:$PATH PYTHONDONTWRITEBYTECODE=1 WEIR_WORKER__STATE_DIR=/var/lib/weir WEIR_MODEL__REGISTRY=/srv/weir/registry
VOLUME /var/lib/weir
WORKDIR /var/lib/weir
# A number, for runAsNonRoot; nobody's, so that no file of the image is its own.
USER 65534:65534
STOPSIGNAL SIGTERM
EXPOSE 6066 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:6066/livez', timeout=4)"]
CMD ["weir", "worker"]
