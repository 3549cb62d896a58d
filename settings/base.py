"""Complete and safe; the other settings modules override a few values. The environment is read here only."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from csp.constants import NONE, SELF

from settings import env, keys, servers

BASE_DIR = Path(__file__).resolve().parent.parent
NOMAFLOW_HOME = env.path("NOMAFLOW_HOME", BASE_DIR / ".nomaflow")

DEBUG = False
SECRET_KEY = keys.secret_key(NOMAFLOW_HOME)
NOMAFLOW_FERNET_KEYS = keys.fernet_keys()
ALLOWED_HOSTS = env.words("NOMAFLOW_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("NOMAFLOW_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "nomaflow.apps.NomaflowConfig",
    "jobs_app.apps.JobsConfig",
    "runs_app.apps.RunsConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.forms",  # the form renderer looks for its templates among the apps
    "channels",
    "csp",
    "django_celery_beat",
    "django_htmx",
    "rest_framework",
    "template_partials",
]

MIDDLEWARE = [
    "nomaflow.middleware.request_id",
    "nomaflow.middleware.slashed_form",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "nomaflow.urls"
ASGI_APPLICATION = "nomaflow.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "nomaflow.navigation.shell",
            ],
        },
    }
]

_URLS = servers.urls(NOMAFLOW_HOME)
# Which kind of process this is, said by `nomaflow web`, `worker` and `beat` to the settings they load.
_PROCESS = env.text("NOMAFLOW_PROCESS")
DATABASES = {"default": servers.pooled(servers.database(_URLS["database"]), process=_PROCESS)}
NOMAFLOW_DATABASE_DIRECT_URL = _URLS["direct"]
CELERY_BROKER_URL = _URLS["broker"]
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [_URLS["channel"]], "prefix": "nomaflow"},
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "nomaflow" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = NOMAFLOW_HOME / "static"

LOGIN_URL = "/nomaflow/sign-in"
LOGIN_REDIRECT_URL = "/nomaflow"
LOGOUT_REDIRECT_URL = LOGIN_URL
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
]
# Cookies know no port: installations on one host would sign each other's readers out under one name.
SESSION_COOKIE_NAME = f"nomaflow_{sha256(f'cookie {SECRET_KEY}'.encode()).hexdigest()[:12]}"
CSRF_COOKIE_NAME = f"{SESSION_COOKIE_NAME}_csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "nomaflow.errors.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "jobs_app.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["jobs_app.api.content.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "jobs_app.api.content.AlwaysJson",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "jobs_app.api.errors.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
}

CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_ACKS_LATE = False
CELERY_DB_REUSE_MAX = 1000
CELERY_BEAT_SCHEDULER = "workers.scheduler:NomaScheduler"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# Without these a worker stays deaf for more than a minute behind a connection that swallows everything.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 8,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 5,
}

NOMAFLOW_PLUGINS_DIR = env.path("NOMAFLOW_PLUGINS_DIR", BASE_DIR / "plugins")
NOMAFLOW_LEASE_SECONDS = env.integer("NOMAFLOW_LEASE_SECONDS", 30, minimum=6)
NOMAFLOW_HEARTBEAT_SECONDS = env.integer("NOMAFLOW_HEARTBEAT_SECONDS", 5, minimum=1)
NOMAFLOW_CANCEL_GRACE_SECONDS = env.integer("NOMAFLOW_CANCEL_GRACE_SECONDS", 10, minimum=1)
NOMAFLOW_SWEEP_SECONDS = env.integer("NOMAFLOW_SWEEP_SECONDS", 5, minimum=1)
NOMAFLOW_LOG_TRUNCATE_KB = env.integer("NOMAFLOW_LOG_TRUNCATE_KB", 100, minimum=1)
NOMAFLOW_MEMORY_LIMIT_MB = env.integer("NOMAFLOW_MEMORY_LIMIT_MB", 1024, minimum=64)
NOMAFLOW_HTTP_ALLOW = env.words("NOMAFLOW_HTTP_ALLOW")
NOMAFLOW_HTTP_NETWORKS = env.choice("NOMAFLOW_HTTP_NETWORKS", "private", ("private", "public"))
NOMAFLOW_STEP_TYPES = {
    "sql_query": "workers.executors.sql_query.SqlQuery",
    "sql_copy": "workers.executors.sql_copy.SqlCopy",
    "python": "workers.executors.python.Python",
    "http": "workers.executors.http.Http",
}
NOMAFLOW_CONNECTOR_KINDS = {
    "postgres": "workers.connectors.postgres.Postgres",
    "sqlite": "workers.connectors.sqlite.Sqlite",
}
