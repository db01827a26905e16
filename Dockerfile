ARG PYTHON_TAG=3.12.11-slim-bookworm

FROM node:22.21.1-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY web ./
RUN npm run build


FROM python:${PYTHON_TAG} AS build
ARG UV_VERSION=0.13.9
# cpu, or the CUDA version of torch's wheels, such as cu132 or cu130.
ARG TORCH_BACKEND=cpu
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy VIRTUAL_ENV=/opt/graft
RUN pip install --no-cache-dir uv==${UV_VERSION} && uv venv ${VIRTUAL_ENV}
WORKDIR /src

# Each backend has its own torch wheels, so the lock fixes only their versions, not their hashes.
COPY requirements.lock ./
RUN awk '/^[a-z]/ { keep = /^nvidia-ml-py==/ || !/^(torch|torchvision|triton)==|^(nvidia|cuda)-/ } keep' \
        requirements.lock > others.lock \
    && sed -nE 's/^(torch(vision)?==[^ ]+).*/\1/p' requirements.lock > torch.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --no-deps --require-hashes -r others.lock
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --torch-backend=${TORCH_BACKEND} -r torch.txt

COPY pyproject.toml README.md LICENSE ./
COPY client client
COPY migrations migrations
COPY worker worker
COPY app app
COPY --from=web /src/app/dashboard/static app/dashboard/static
RUN --mount=type=cache,target=/root/.cache/uv uv pip install --no-deps ./client .


FROM python:${PYTHON_TAG}
RUN useradd --create-home --uid 10001 graft && install --directory --owner=graft --group=graft /data
COPY --from=build /opt/graft /opt/graft
ENV PATH=/opt/graft/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    TORCH_HOME=/data/torch \
    # The root file system may be read-only, and /tmp may forbid to run what is compiled there.
    TORCHINDUCTOR_CACHE_DIR=/data/cache/inductor \
    TRITON_CACHE_DIR=/data/cache/triton \
    MPLCONFIGDIR=/tmp/matplotlib \
    XDG_CACHE_HOME=/tmp/cache \
    GRAFT_DATA_DIR=/data \
    GRAFT_HOST=0.0.0.0 \
    GRAFT_ACCESS_CONTROL=true
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
ENTRYPOINT ["graft"]
CMD ["up"]
