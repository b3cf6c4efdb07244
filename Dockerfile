# Two stages: the first builds a virtual environment, the second only carries it.
FROM python:3.11-slim-bookworm AS build

# Another build of torch: docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu .
ARG TORCH_INDEX=
WORKDIR /src
RUN python -m venv /opt/flipbook
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bot bot
COPY cogs cogs
COPY jobs jobs
COPY providers providers
COPY storage storage
RUN if [ -n "$TORCH_INDEX" ]; then /opt/flipbook/bin/pip install --no-cache-dir --constraint constraints.txt --no-deps --index-url "$TORCH_INDEX" torch; fi
RUN /opt/flipbook/bin/pip install --no-cache-dir --constraint constraints.txt '.[local,sandbox,plots]'

FROM python:3.11-slim-bookworm

COPY --from=build /opt/flipbook /opt/flipbook
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin flipbook
RUN install -d -o flipbook -g flipbook /data
USER flipbook
WORKDIR /data
VOLUME /data
ENV PATH=/opt/flipbook/bin:$PATH PYTHONUNBUFFERED=1 FLIPBOOK_DATA_DIR=/data
# Give back the read buffers of a burst of connections (docs/benchmarks.md); read once, at the start.
ENV MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536
EXPOSE 8080
STOPSIGNAL SIGTERM
# The port is the container's own; nothing needs to be published for this.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD python -c "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=4)" "http://127.0.0.1:${FLIPBOOK_HTTP_PORT:-8080}/healthz"
ENTRYPOINT ["python", "-m", "bot"]
CMD ["run"]
