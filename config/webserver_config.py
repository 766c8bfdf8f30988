"""Flask's settings in the web server, which makes the login."""

from pathlib import Path

# Who has this key can write a cookie that logs in as anybody. Airflow would take [api] secret_key,
# which the workers have too: by it they know that the web server asks for a running task's log.
SECRET_KEY = Path("/run/secrets/session_key").read_text(encoding="utf-8")
