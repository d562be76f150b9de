"""A kubectl for the script that makes Secrets: it keeps them as folders below $STORE."""

import os
import re
import shutil
import sys
from pathlib import Path

KEYS = "go-template={{ range $key, $value := .data }}{{ $key }} {{ end }}"


def main(words: list[str]) -> int:
    """Do what the script asks for, as far as it does."""
    store = Path(os.environ["STORE"])
    match words:
        case ["get", "secret", name, "--namespace", "data", "--ignore-not-found", *_]:
            if (store / name).is_dir():
                print(f"secret/{name}")
        case ["get", "secret", name, "--namespace", "data", "--output", template]:
            if template == KEYS:
                print("".join(f"{key.name} " for key in (store / name).iterdir()), end="")
                return 0
            (key,) = re.findall(r'index \.data "(.+)" \| base64decode', template)
            sys.stdout.write((store / name / key).read_text(encoding="utf-8"))
        case ["create", "secret", "generic", name, "--namespace", "data", *options]:
            kind, folder = options[1::2]
            if options[::2] != ["--type", "--from-file"]:
                return 1
            shutil.copytree(folder, store / name)
            (store / f"{name}.type").write_text(kind, encoding="utf-8")
        case ["label", "secret", name, "--namespace", "data", label]:
            (store / f"{name}.label").write_text(label, encoding="utf-8")
        case _:
            print(f"unexpected: {words}", file=sys.stderr)
            return 1
    return 0


sys.exit(main(sys.argv[1:]))
