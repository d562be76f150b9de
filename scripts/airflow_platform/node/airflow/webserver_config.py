"""Configuration of the web server of Airflow 2: everybody may do everything."""

AUTH_ROLE_PUBLIC = "Admin"
