"""What is refused about images."""

from .case import Case, add_on, wrapper

MIRROR = {"imageRegistry": "registry.example.com/mirror"}
LOGIN = {"user": "me", "pass": "x", "host": "registry.example.com", "email": "me@example.com"}
REFUSED = "global.imageRegistry is the registry of all images, but only the pods of Airflow have"

SLASH = "global.imageRegistry, registry.example.com/mirror/, ends in a slash"

CASES: dict[str, Case] = {
    "a registry that ends in a slash": add_on(
        SLASH, **{"global": {"imageRegistry": "registry.example.com/mirror/"}}
    ),
    "a registry that ends in a slash, in the wrapper": wrapper(
        SLASH, {"global": {"imageRegistry": "registry.example.com/mirror/"}}
    ),
    "a pull Secret for Airflow only": wrapper(
        REFUSED, {"global": MIRROR, "airflow": {"imagePullSecrets": [{"name": "registry-pull"}]}}
    ),
    "a pull Secret for Airflow only, as a string, and another one for all": wrapper(
        REFUSED,
        {
            "global": {**MIRROR, "imagePullSecrets": ["for-all"]},
            "airflow": {"imagePullSecrets": ["registry-pull", "for-all"]},
        },
    ),
    "the pull Secret of airflow.registry": wrapper(
        REFUSED, {"global": MIRROR, "airflow": {"registry": {"secretName": "registry-pull"}}}
    ),
    "a pull Secret that the official chart makes": wrapper(
        REFUSED,
        {
            "global": MIRROR,
            "airflow": {"registry": {"connection": LOGIN}},
            "secrets": {"refuseInValues": False},
        },
    ),
}
