"""What is no URL of a server, and what must not stand in one."""

import pytest

from airflow_platform.support.errors import PlatformError
from airflow_platform.support.rest import Server


@pytest.mark.parametrize("url", ["localhost:3100", "ftp://x", "http://[::1"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(PlatformError, match="is not a URL"):
        Server(url, headers={}, ca_file=None, unreachable="", refused="")


@pytest.mark.parametrize("scheme", ["http://", "https://", ""])
def test_a_password_in_a_url_is_refused_and_not_repeated(scheme: str) -> None:
    password = "hunter" + "2/x"
    with pytest.raises(PlatformError) as refused:
        Server(
            f"{scheme}me:{password}@x", headers={}, ca_file=None, unreachable="", refused="Set A."
        )
    assert str(refused.value) == (
        "Write no user and no password into a URL: messages show it. Set A."
    )
