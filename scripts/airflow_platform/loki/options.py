"""The options of commands that read from Loki; logcli has variables of the same names."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_platform.loki.client import Loki

ENVIRONMENT = """\
  LOKI_ADDR, LOKI_ORG_ID, LOKI_CA_CERT_PATH   defaults of --loki, --tenant, --ca-file
  LOKI_USERNAME and LOKI_PASSWORD, or LOKI_BEARER_TOKEN
"""
MISSING_URL = "--loki URL (or LOKI_ADDR) is required"


def add_to(parser: argparse.ArgumentParser, selected_by_default: str) -> None:
    """Add the options that say which Loki, and where in it, to look."""
    add = parser.add_argument
    add("--loki", default=os.environ.get("LOKI_ADDR"), metavar="URL", help="Loki or its gateway")
    tenant = os.environ.get("LOKI_ORG_ID", "")
    add("--tenant", default=tenant, metavar="ID", help="of a multi-tenant Loki")
    add(
        "--selector",
        metavar="LOGQL",
        help=f'where to look, such as {{cluster="eu-1"}}; default: {selected_by_default}',
    )
    ca_file = os.environ.get("LOKI_CA_CERT_PATH")
    add("--ca-file", type=Path, default=ca_file, metavar="FILE", help="for https, in PEM format")


def connect(options: argparse.Namespace) -> "Loki":
    """Return the Loki that the options and the environment name."""
    from airflow_platform.loki.client import Loki

    return Loki(options.loki, os.environ, tenant=options.tenant, ca_file=options.ca_file)
