# One image for web, worker, beat, relay and migrations; docker-compose.yml says which one a container is.

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY requirements.txt /
RUN pip install --require-hashes --no-deps -r /requirements.txt
WORKDIR /app
COPY . .
# Translations, static files and the API's description are made here: the running container cannot write. The values
# are placeholders for this step alone, as settings want some; none of them reaches the final image.
RUN export SECRET_KEY=build DATABASE_URL=postgres://build/build REDIS_URL=redis://build STRIPE_WEBHOOK_SECRETS=build \
       STATIC_ROOT=/app/static \
    && python -m config.local.messages \
    && python manage.py collectstatic --no-input -v 0 \
    && python -m config.description \
    && rm -rf config/local requirements.txt \
    && python -m compileall -q /app


FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d
# What WeasyPrint draws text with. The fonts of the papers come with the application.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin relief
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
# HOME and caches (fontconfig's among them) lie in /tmp, the one place that a read-only container can write to.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp XDG_CACHE_HOME=/tmp/cache \
    VAR_DIR=/tmp/var STATIC_ROOT=/app/static
USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "config.wsgi:application", "--config=python:config.web_server", "--bind=0.0.0.0:8000", "--reuse-port", "--worker-class=gthread", "--workers=2", \
     "--threads=8", "--timeout=30", "--graceful-timeout=30", "--max-requests=10000", "--max-requests-jitter=1000", \
     "--worker-tmp-dir=/dev/shm", "--log-level=warning"]
