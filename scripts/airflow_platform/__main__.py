"""The program airflow-platform. It is ready for signals before it loads anything large."""

import sys

from airflow_platform.support import processes


def main() -> int:
    """Run a command; return its exit code."""
    processes.end_on_signals()
    try:
        from airflow_platform import cli

        return cli.main()
    except KeyboardInterrupt:
        return processes.interrupted_code()


if __name__ == "__main__":
    sys.exit(main())
