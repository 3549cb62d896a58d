# One image for web, worker and beat; the front end is built in a stage of its own.
FROM node:24-bookworm-slim AS pages
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend/ ./
RUN mkdir -p ../nomaflow/static && npm run build

FROM python:3.13-slim-bookworm
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 \
    DJANGO_SETTINGS_MODULE=settings.prod NOMAFLOW_HOME=/var/lib/nomaflow
WORKDIR /app
COPY requirements/base.txt requirements/base.txt
RUN pip install --require-hashes --requirement requirements/base.txt
COPY . .
COPY --from=pages /src/nomaflow/static/ui nomaflow/static/ui
RUN pip install --no-deps --no-build-isolation --editable . \
 && useradd --system --create-home --home-dir /var/lib/nomaflow nomaflow \
 && DJANGO_SETTINGS_MODULE=settings.base python manage.py collectstatic --no-input --verbosity 0 \
 && chown -R nomaflow: /var/lib/nomaflow
USER nomaflow
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["nomaflow", "web", "--host", "0.0.0.0"]
