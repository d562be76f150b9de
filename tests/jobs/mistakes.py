"""Mistakes in the example workflow: what is written instead of what, and the one problem of it."""

from dataclasses import dataclass

ORDERS, CUSTOMERS, TRANSFORM, LOAD, REPORT = (
    f"jobs/{name}.yaml"
    for name in ("extract-orders", "extract-customers", "transform", "load", "report")
)
WORKFLOW = "workflow.yaml"


@dataclass(frozen=True)
class Mistake:
    """In ``file``, ``new`` instead of ``old``.

    The problem's ``rule`` is of what begins with the text ``at``, and its message has the text
    ``says``. It is in ``where``, if that is another file.
    """

    file: str
    old: str
    new: str
    rule: str
    at: str
    says: str
    where: str = ""
    level: str = "error"

    def __str__(self) -> str:
        return f"{self.file}: {self.new or 'without ' + self.old}"[:70]


def _instead(file: str, old: str, rule: str, *cases: tuple[str, str, str]) -> list[Mistake]:
    """Return mistakes of one kind: what is written instead, where it is told, and what is said."""
    return [Mistake(file, old, new, rule, at, says) for new, at, says in cases]


_IMAGE = "registry.example.com/sales/extract:1.4.2"
IMAGES = _instead(
    ORDERS,
    _IMAGE,
    "image",
    ("registry.example.com/sales/extract", "registry", "extract:1.0.0"),
    ("registry.example.com:5000/extract", "registry", "write registry.example.com:5000/extract:1"),
    ("localhost:5000/extract", "localhost", "has no tag"),
    ("extract", "extract", "has no tag"),
    ("extract:latest", "extract", "another image tomorrow"),
    ("registry.example.com:5000/extract:latest", "registry", "another image tomorrow"),
    ('"extract:"', '"extract', "write extract:1.0.0"),
    ("extract:1.4.2+build", "extract", "is no tag"),
    ("extract:.1", "extract", "is no tag"),
    ("Extract:1.0", "Extract", "lower case; write extract:1.0"),
    ("registry.example.com/Sales/extract:1.0", "registry", "lower case"),
    ("https://registry.example.com/extract:1.0", "https", "has no https://"),
    ("docker://extract:1.0", "docker", "has no docker://"),
    ('"registry.example.com/my extract:1.0"', '"registry', "no name of an image"),
    ("registry.example.com/:1.0", "registry", "no name of an image"),
    ('":1.0"', '":1.0', "no name of an image"),
    ("extract@sha256:0f1e", "extract", "64 digits"),
    ("extract:1.0@sha256:xyz", "extract", "64 digits"),
    ('"extract@"', '"extract', "64 digits"),
    ("extract@1.0", "extract", "64 digits"),
)

_RESOURCES = '{cpu: "1000m", memory: "2Gi"}'
RESOURCES = [
    *_instead(
        ORDERS,
        _RESOURCES,
        "bad-value",
        ("{memory: 2 GB}", "2 GB", "such as 500m"),
        ("{memory: 2GB}", "2GB", "2Gi"),
        ("{memory: 2gi}", "2gi", "2Gi"),
        ("{memory: 2GiB}", "2GiB", "2Gi"),
        ("{memory: 2g}", "2g", "2Gi"),
        ("{memory: -2Gi}", "-2Gi", "2Gi"),
        ('{memory: "2,5Gi"}', '"2,5Gi', "2Gi"),
        ("{memory: [2Gi]}", "[2Gi", "must be text or a number"),
        ("{memory: true}", "true", "must be text or a number"),
        ("{cpu: 1 core}", "1 core", "500m"),
        ("{cpu: 50%}", "50%", "500m"),
        ("{cpu: -1}", "-1", "500m"),
        ("2Gi", "2Gi", "must be a mapping"),
    ),
    *_instead(
        ORDERS,
        _RESOURCES,
        "unknown-key",
        ("{mem: 2Gi}", "mem", '"memory"?'),
        ("{request: {memory: 2Gi}}", "request", '"requests"?'),
        ("{limits: {cpus: 1}}", "cpus", '"cpu"?'),
        ("{limits: {ephemeral-storage: 1Gi}}", "ephemeral-storage", '"ephemeral_storage"?'),
        ("{limits: {nvidia.com/gpu: 1}}", "nvidia.com/gpu", "known are: cpu"),
    ),
    *_instead(
        ORDERS,
        _RESOURCES,
        "resources",
        ("{requests: {memory: 4Gi}, limits: {memory: 2Gi}}", "4Gi", "the limit is 2Gi"),
        ("{requests: {cpu: 2}, limits: {cpu: 1500m}}", "2}", "the limit is 1500m"),
        ("{memory: 4Gi, limits: {memory: 2Gi}}", "4Gi", "the limit is 2Gi"),
        (
            "{requests: {ephemeral_storage: 1Ti}, limits: {ephemeral_storage: 1G}}",
            "1Ti",
            "the limit is 1G",
        ),
        ("{cpu: 1, requests: {cpu: 1}}", "cpu: 1, r", "remove one"),
        ("{memory: 512}", "512", "write 512Mi"),
        ("{limits: {memory: 400m}}", "400m", "write 400Mi"),
    ),
    Mistake(ORDERS, _RESOURCES, "{cpu: 1000}", "resources", "1000", "1000m", level="warning"),
    Mistake(WORKFLOW, "timeout: 1h", "resources: {memory: 1}", "resources", "1}", "write 1Mi"),
]

VOLUMES = [
    *_instead(
        TRANSFORM,
        "{name: work, mount_path: /work, scratch: 10Gi}",
        "bad-value",
        ("{name: work, mount_path: work, scratch: 10Gi}", "work, scratch", "absolute path"),
        ("{name: Work, mount_path: /work, scratch: 10Gi}", "Work", "lower-case"),
        ("{name: work, mount_path: /work}", "{name", "claim, secret"),
        ("{name: work, mount_path: /work, claim: a, secret: b}", "{name", "claim, secret"),
        ("{name: work, mount_path: /work, scratch: 10GB}", "10GB", "quantity"),
        ("{name: work, mount_path: /work, claim: My_Claim}", "My_Claim", "lower-case"),
        ("{name: work, mount_path: /work, claim: a, read_only: yes}", "yes", "true or false"),
        ("work", "work", "must be a mapping"),
    ),
    *_instead(
        TRANSFORM,
        "{name: work, mount_path: /work, scratch: 10Gi}",
        "missing-key",
        ("{name: work, scratch: 10Gi}", "{name", "mount_path: "),
        ("{mount_path: /work, scratch: 10Gi}", "{mount", "name: "),
    ),
    *_instead(
        TRANSFORM,
        "{name: work, mount_path: /work, scratch: 10Gi}",
        "unknown-key",
        ("{name: work, mountPath: /work, scratch: 10Gi}", "mountPath", '"mount_path"?'),
        ("{name: work, mount_path: /work, claim: a, size: 1Gi}", "size", "known are"),
    ),
    Mistake(
        TRANSFORM,
        "scratch: 10Gi}",
        "scratch: 10Gi}\n    - {name: work, mount_path: /b, claim: b}",
        "volume",
        "work, mount_path: /b",
        "another volume",
    ),
    Mistake(
        TRANSFORM,
        "scratch: 10Gi}",
        "scratch: 10Gi}\n    - {name: b, mount_path: /work, claim: b}",
        "volume",
        "/work, claim",
        "mount_path of another",
    ),
]

_SCHEDULE = '"0 3 * * *"'
SCHEDULES = [
    *_instead(
        WORKFLOW,
        _SCHEDULE,
        "schedule",
        ('"0 3 30 2 *"', '"0 3', "never"),
        ('"0 0 31 4,6,9,11 *"', '"0 0', "never"),
        ('"0 25 * * *"', '"0 25', "no cron expression"),
        ('"60 3 * * *"', '"60', "no cron expression"),
        ('"0 3 * * mondays"', '"0 3', "no cron expression"),
        ('"0 3 * *"', '"0 3', "minute, hour"),
        ('"0 0 3 * * *"', '"0 0', "minute, hour"),
        ('"*/0 * * * *"', '"*/0', "no cron expression"),
        ('"0 3 ? * *"', '"0 3', 'instead of "?" write 1 to 31, a list'),
        ('"0 3 15W * *"', '"0 3', 'instead of "15W"'),
        ('"0 3 L * *"', '"0 3', 'instead of "L"'),
        ('"0 3 * * L5"', '"0 3', 'instead of "L5" write 0 to 7 (SUN, MON, ...)'),
        ('"0 3 * * MON#1"', '"0 3', 'instead of "MON#1"'),
        ('"H 3 * * *"', '"H 3', 'instead of "H" write 0 to 59'),
        ('"R(0-29) 3 * * *"', '"R(0', 'instead of "R(0-29)"'),
        ('"0 3 1, * *"', '"0 3', 'instead of "" write'),
        ('"0 3 * JUN-JANUARY *"', '"0 3', 'instead of "JUN-JANUARY" write 1 to 12 (JAN'),
        ('"0 22-5 * * *"', '"0 22', "write 22-23,0-5"),
        ('"0 23-0 * * *"', '"0 23', "write 23,0"),
        ('"0 22-5/2 * * *"', '"0 22', "write two ranges"),
        ('"0 3 * NOV-FEB *"', '"0 3', "write NOV-12,1-FEB"),
        ('"0 3 * * FRI-MON"', '"0 3', "write FRI-7,0-MON"),
        ('"0 3 1-1 * *"', '"0 3', "write 1"),
        ('"0 3 * * 7-SUN"', '"0 3', "write 7"),
        ('"5/15 * * * *"', '"5/15', "write 5-59/15"),
        ('"0 3 30 2 MON"', '"0 3', "never"),
        ("every day", "every", "minute, hour"),
        ('"@dayly"', '"@dayly', '"@daily"?'),
        ("daily", "daily", '"@daily"?'),
        ('"@Daily"', '"@Daily', '"@daily"?'),
        ('"@never"', '"@never', "known are"),
        ("none", "none", "write null"),
        ('""', '""', "write null"),
        ("15m", "15m", "{every: 15m}"),
    ),
    *_instead(
        WORKFLOW,
        _SCHEDULE,
        "duration",
        ("{every: 0m}", "0m", "at least 1s"),
        ("{every: 500ms}", "500ms", "at least 1s"),
    ),
    *_instead(
        WORKFLOW,
        _SCHEDULE,
        "bad-value",
        ("{every: 15}", "15", "number and a unit"),
        ("{every: 15 minutes}", "15 minutes", "number and a unit"),
        ("{every: -15m}", "-15m", "number and a unit"),
        ("5", "5", "must be text"),
        ("[0 3 * * *]", "[0 3", "must be text"),
    ),
    Mistake(WORKFLOW, _SCHEDULE, "{evry: 15m}", "unknown-key", "evry", '"every"?'),
    Mistake(WORKFLOW, _SCHEDULE, "* 3 * * *", "yaml", "* 3", "put text in quotes"),
    Mistake(
        WORKFLOW,
        f"schedule: {_SCHEDULE}\n  time_zone: Europe/Berlin\n  start_date: 2026-01-01\n"
        "  concurrency: {runs: 1",
        'schedule: "@continuous"\n  concurrency: {runs: 2',
        "schedule",
        "2, jobs",
        "runs: 1",
    ),
]

_START = "start_date: 2026-01-01"
DATES = [
    *_instead(
        WORKFLOW,
        "2026-01-01",
        "date",
        ("2026-02-30", "2026-02-30", "there is no day"),
        ("2026-01-01\n  end_date: 2025-12-31", "2025-12-31", "before start_date"),
        ("2026-01-01\n  end_date: 2026-06-31", "2026-06-31", "there is no day"),
    ),
    *_instead(
        WORKFLOW,
        "2026-01-01",
        "bad-value",
        ("1.1.2026", "1.1.2026", "YYYY-MM-DD"),
        ("2026-1-1", "2026-1-1", "YYYY-MM-DD"),
        ("2026-13-01", "2026-13-01", "YYYY-MM-DD"),
        ("2026-01-01T00:00:00Z", "2026-01-01T", "YYYY-MM-DD"),
        ("20260101", "20260101", "YYYY-MM-DD"),
        ("today", "today", "YYYY-MM-DD"),
        ("1969-12-31", "1969-12-31", "from 1970 to 2200"),
        ("0001-01-01", "0001-01-01", "from 1970 to 2200"),
        ("2026-01-01\n  end_date: 2201-01-01", "2201-01-01", "from 1970 to 2200"),
        ("2026-01-01\n  end_date: 9999-12-31", "9999-12-31", "from 1970 to 2200"),
    ),
    Mistake(WORKFLOW, _START, "catchup: true", "date", "catchup", "start_date: 2026-01-01"),
    Mistake(WORKFLOW, _START, "catchup: yes", "bad-value", "yes", "true or false"),
    *_instead(
        WORKFLOW,
        "Europe/Berlin",
        "time-zone",
        ("Europe/Berln", "Europe/Berln", '"Europe/Berlin"?'),
        ("Berlin", "Berlin", "Europe/Berlin"),
        ("CEST", "CEST", "IANA"),
        ('"+02:00"', '"+02', "IANA"),
        ("UTC+1", "UTC+1", "IANA"),
        ("Europe", "Europe", "IANA"),
        ('""', '""', "IANA"),
        ("../zone", "../zone", "IANA"),
        ("localtime", "localtime", "IANA"),
        ("Factory", "Factory", "IANA"),
        ("posixrules", "posixrules", "IANA"),
        ("posix/Europe/Berlin", "posix", '"Europe/Berlin"?'),
        ("right/Europe/Berlin", "right", '"Europe/Berlin"?'),
        ("europe/berlin", "europe", '"Europe/Berlin"?'),
    ),
]

DURATIONS = [
    *_instead(
        WORKFLOW,
        "deadline: 6h",
        "bad-value",
        ("deadline: 6 hours", "6 hours", "number and a unit"),
        ("deadline: 6", "6", "number and a unit"),
        ("deadline: 6H", "6H", "number and a unit"),
        ("deadline: PT6H", "PT6H", "number and a unit"),
        ("deadline: 1w", "1w", "number and a unit"),
        ("deadline: 1.5h", "1.5h", "number and a unit"),
        ("deadline: 99999999999d", "99999999999d", "number and a unit"),
    ),
    Mistake(WORKFLOW, "deadline: 6h", "deadline: 0h", "duration", "0h", "at least 1s"),
    Mistake(WORKFLOW, "deadline: 6h", "deadline: 3651d", "duration", "3651d", "at most 3650d"),
    Mistake(WORKFLOW, _SCHEDULE, "{every: 9999d}", "duration", "9999d", "at most 3650d"),
    Mistake(ORDERS, '"5m"', "99999d", "duration", "99999d", "at most 3650d"),
    Mistake(WORKFLOW, "delay: 5m", "delay: 99999d", "duration", "99999d", "at most 3650d"),
    Mistake(ORDERS, '"1h"', "99999d", "duration", "99999d", "at most 3650d"),
    Mistake(ORDERS, "outputs:", "timeout: 24856d\n  outputs:", "duration", "24856d", "3650d"),
    Mistake(WORKFLOW, "timeout: 1h", "timeout: 24856d", "duration", "24856d", "3650d"),
    Mistake(WORKFLOW, "timeout: 1h", "timeout: 0s", "duration", "0s", "at least 1s"),
    Mistake(ORDERS, "outputs:", "timeout: 0s\n  outputs:", "duration", "0s", "at least 1s"),
]

_RETRY = '{max_attempts: 3, delay: "5m", backoff: exponential, max_delay: "1h"}'
RETRIES = [
    *_instead(
        ORDERS,
        _RETRY,
        "retry",
        ("{max_attempts: 3, delay: 5m, backoff: constant, max_delay: 1h}", "max_delay", "exponent"),
        ("{max_attempts: 3, delay: 5m, max_delay: 1h}", "max_delay", "backoff: exponential"),
        ("{max_attempts: 3, backoff: exponential, max_delay: 1h}", "backoff", "add delay: 5m"),
        ("{max_attempts: 3, backoff: constant}", "backoff", "add delay: 5m"),
        ("{delay: 5m}", "delay", "add max_attempts: 3"),
        ("{max_attempts: 3, delay: 2h, backoff: exponential, max_delay: 1h}", "max_delay", "2h"),
    ),
    *_instead(
        ORDERS,
        _RETRY,
        "bad-value",
        ("{max_attempts: 0}", "0", "at least 1"),
        ("{max_attempts: -1}", "-1", "at least 1"),
        ("{max_attempts: 1000}", "1000", "at most 100"),
        ('{max_attempts: "3"}', '"3"', "a whole number"),
        ("{max_attempts: 1.5}", "1.5", "a whole number"),
        ("{max_attempts: 3, delay: 5}", "5}", "number and a unit"),
        ("{max_attempts: 3, delay: 5m, backoff: linear}", "linear", "constant or exponential"),
        ("3", "3", "must be a mapping"),
    ),
    *_instead(
        ORDERS,
        _RETRY,
        "unknown-key",
        ("{max_attemps: 3}", "max_attemps", '"max_attempts"?'),
        ("{max_attempts: 3, retry_delay: 5m}", "retry_delay", '"delay"?'),
    ),
    Mistake(WORKFLOW, "max_attempts: 2", "attempts: 2", "unknown-key", "attempts", "max_attempts"),
    Mistake(WORKFLOW, "max_attempts: 2, ", "", "retry", "delay", "add max_attempts: 3"),
]

DEPENDENCIES = [
    Mistake(
        WORKFLOW,
        "load: [transform]",
        "load: [transfrm]",
        "unknown-job",
        "transfrm]",
        '"transform"?',
    ),
    Mistake(
        WORKFLOW, "load: [transform]", "load: [transform, x]", "unknown-job", "x]", "there are: "
    ),
    Mistake(WORKFLOW, "load: [transform]", "load: [load, transform]", "cycle", "load: [", "itself"),
    Mistake(
        WORKFLOW, "load: [transform]", "load: [transform, transform]", "bad-value", "[tr", "twice"
    ),
    Mistake(WORKFLOW, "load: [transform]", "load: transform", "bad-value", "transform\n", "a list"),
    Mistake(
        WORKFLOW, "    report: [load]", "    reports: [load]", "unknown-job", "reports", '"report"?'
    ),
    Mistake(
        WORKFLOW,
        "transform: [extract-orders,",
        "transform: [load, extract-orders,",
        "cycle",
        "transform: [",
        "transform -> load -> transform",
    ),
    Mistake(
        WORKFLOW,
        "load: [transform]",
        "load: [transform]\n    extract-orders: [report]",
        "cycle",
        "transform: [",
        "extract-orders",
    ),
]

_ITEMS = '"{{ outputs.extract-orders.files }}"'
FAN_OUT = [
    *_instead(
        WORKFLOW,
        _ITEMS,
        "output",
        ('"{{ outputs.extract-orders.file }}"', '"{{ outputs', '"files"?'),
        ('"{{ outputs.extract-customers.files }}"', '"{{ outputs', "outputs: [files]"),
        ('"{{ outputs.transform.files }}"', '"{{ outputs', "of its own"),
    ),
    *_instead(
        WORKFLOW,
        _ITEMS,
        "bad-value",
        ('"{{ params.files }}"', '"{{ params', "write a list, or one output"),
        ('"{{ outputs.extract-orders.files }} x"', '"{{ outputs', "write a list, or one output"),
        ("a, b", "a, b", "write a list, or one output"),
        ("[]", "[]", "write a list"),
        ("[{a: 1}]", "{a: 1}", "must be text"),
        ("{a: 1}", "{a: 1}", "must be a list or text"),
    ),
    Mistake(WORKFLOW, _ITEMS, '"{{ outputs.x.files }}"', "unknown-job", '"{{', "there are"),
    Mistake(WORKFLOW, _ITEMS, '["{{ ds }}"]', "template", '"{{ ds', "only in command"),
    Mistake(WORKFLOW, "    report: [de, fr, it]\n", "", "template", '"{{ item', "for_each", REPORT),
    Mistake(WORKFLOW, "    report: [de,", "    reprt: [de,", "unknown-job", "reprt", '"report"?'),
    Mistake(
        WORKFLOW,
        "transform: [extract-orders, ",
        "transform: [",
        "output",
        '"{{ outputs',
        "transform: [extract-orders]",
    ),
    Mistake(ORDERS, "[files]", "[file]", "output", '"{{ outputs', '"file"?', WORKFLOW),
    Mistake(
        ORDERS, "  outputs: [files]", "", "output", '"{{ outputs', "outputs: [files]", WORKFLOW
    ),
    Mistake(ORDERS, "[files]", "[files, files]", "bad-value", "[files", "twice"),
    Mistake(ORDERS, "[files]", "[files, row-count]", "bad-value", "row-count", "letters, digits"),
    Mistake(ORDERS, "[files]", "{files: x}", "bad-value", "{files", "must be a list"),
    Mistake(ORDERS, "DB_HOST:", "OUTPUT_FILE:", "output", "OUTPUT_FILE", "another name"),
    Mistake(WORKFLOW, "LOG_FORMAT:", "OUTPUT_FILE:", "output", "OUTPUT_FILE", "another name"),
    Mistake(
        LOAD,
        '"{{ outputs.extract-customers.rows }}"',
        '"{{ outputs.report.n }}"',
        "output",
        '"{{ outputs',
        "outputs: [n]",
    ),
    Mistake(
        WORKFLOW,
        "report: [de, fr, it]",
        "report: [de, fr, it]\n    load: [de, fr]",
        "for-each",
        "load: [de",
        "{{ item }}",
        level="warning",
    ),
]

_WORD = '"{{ params.execution_date }}"'
TEMPLATES = [
    *_instead(
        ORDERS,
        _WORD,
        "template",
        ('"{{ params.executon_date }}"', '"{{ params', '"params.execution_date"?'),
        ('"{{ params.x }}"', '"{{ params', "add it below params:"),
        ('"{{ dss }}"', '"{{ dss', '"{{ ds }}"?'),
        ('"{{ ds | upper }}"', '"{{ ds', "no template variable"),
        ('"{{ macros.ds_add(ds, 1) }}"', '"{{ macros', "known are: ds"),
        ('"{{ var.value.x }}"', '"{{ var', "no template variable"),
        ('"{{ execution_date }}"', '"{{ execution', "no template variable"),
        ('"{{ }}"', '"{{', "no template variable"),
        ('"{% if ds %}"', '"{% if', "no template variable"),
        ('"{# x #}"', '"{# x', "no template variable"),
        ('"{{ ds }"', '"{{ ds', "half of a template variable"),
        ('"{ ds }}"', '"{ ds', "half of a template variable"),
        ('"{{ ds"', '"{{ ds', "half of a template variable"),
        ('"{{ item }}"', '"{{ item', "for_each"),
        ('"{{ DS }}"', '"{{ DS', "no template variable"),
    ),
    Mistake(ORDERS, _WORD, "{{ ds }}", "yaml", "{ ds", 'in quotes: "{{ ds }}"'),
    Mistake(ORDERS, 'date: "{{ ds }}"', "date: {{ ds }}", "yaml", "{ ds", 'quotes: "{{ ds }}"'),
    Mistake(ORDERS, 'date: "{{ ds }}"', 'date: "{{ d }}"', "template", '"{{ d', '"{{ ds }}"?'),
    Mistake(ORDERS, '"python"', '"{{ python }}"', "template", '"{{ python', "known are"),
    Mistake(CUSTOMERS, "info", '"{{ dss }}"', "template", '"{{ dss', '"{{ ds }}"?'),
    Mistake(ORDERS, "1.4.2", '"{{ ds }}"', "template", "registry", "only in command, args, env"),
    Mistake(ORDERS, ": orders\n", ': ["{{ ds }}"]\n', "template", '"{{ ds }}"]', "only in command"),
    Mistake(TRANSFORM, "pool: batch", 'pool: "{{ ds }}"', "bad-value", '"{{ ds', "only in command"),
    Mistake(
        TRANSFORM, "10Gi}\n  placement", '"{{ ds }}"}\n  placement', "bad-value", '"{{', "only in"
    ),
    Mistake(LOAD, "name: load\n", 'name: "{{ ds }}"\n', "bad-value", '"{{', "only in command"),
    Mistake(LOAD, "sales-load", '"{{ ds }}"', "bad-value", '"{{', "only in command"),
    Mistake(
        LOAD, "resources:", 'labels: {a: "{{ ds }}"}\n  resources:', "bad-value", '"{{', "only in"
    ),
    Mistake(WORKFLOW, "Europe/Berlin", '"{{ ds }}"', "template", '"{{ ds', "only in command"),
    Mistake(WORKFLOW, '"0 3 * * *"', '"{{ ds }}"', "template", '"{{ ds', "only in command"),
    Mistake(WORKFLOW, "6h", '"{{ ds }}"', "bad-value", '"{{ ds', "only in command"),
    Mistake(WORKFLOW, "daily]", '"{{ ds }}"]', "template", '"{{ ds', "only in command"),
    Mistake(WORKFLOW, "json", '"{{ dss }}"', "template", '"{{ dss', '"{{ ds }}"?'),
    Mistake(
        WORKFLOW, "json", '"{{ outputs.load.n }}"', "template", '"{{ outputs', "write it there"
    ),
    Mistake(WORKFLOW, "json", '"{{ item }}"', "template", '"{{ item', "for_each"),
    Mistake(
        WORKFLOW, "json", '"{{ params.x }}"', "template", '"{{ params', "there is no parameter"
    ),
    Mistake(WORKFLOW, "_schema: sales", '_schema: "{{ d }}"', "template", '"{{ d', '"{{ ds }}"?'),
    Mistake(WORKFLOW, "warehouse_schema", "schema", "template", '"{{ params', "add it", LOAD),
    Mistake(
        ORDERS,
        ": orders\n",
        ': "{{ params.source_table }}"\n',
        "template",
        "source_table",
        "name each other",
    ),
]

ENVIRONMENT = [
    Mistake(
        ORDERS, "{secret: {name: shop", "{secrt: {name: shop", "unknown-key", "secrt", '"secret"?'
    ),
    Mistake(ORDERS, "{config_map:", "{configMap:", "unknown-key", "configMap", '"config_map"?'),
    Mistake(ORDERS, "key: password", "kye: password", "unknown-key", "kye", '"key"?'),
    Mistake(ORDERS, ", key: password", "", "missing-key", "{name", "write for example key:"),
    Mistake(
        ORDERS, "{secret: {name: shop-database, key: password}}", "{}", "bad-value", "{}", "secret:"
    ),
    Mistake(
        ORDERS,
        "{secret: {name: shop-database, key: password}}",
        "{secret: shop-database}",
        "bad-value",
        "shop-database}",
        "a mapping",
    ),
    Mistake(
        ORDERS,
        "key: password}}",
        "key: password}, config_map: {name: a, key: b}}",
        "bad-value",
        "{secret",
        "refer to one thing",
    ),
    Mistake(
        ORDERS, "name: shop-database, key: p", "name: Shop_DB, key: p", "bad-value", "Shop", "lower"
    ),
    *_instead(
        ORDERS,
        "name: shop-database, key: password",
        "bad-value",
        ("name: shop..database, key: password", "shop..", "each part between"),
        ("name: shop.-database, key: password", "shop.-", "each part between"),
        (f"name: {'a' * 254}, key: password", "aaa", "lower-case"),
        ("name: shop-database, key: the/password", "the/", "letters, digits"),
        ("name: shop-database, key: the password", "the pass", "letters, digits"),
        ("name: shop-database, key: ..password", "..pass", "letters, digits"),
        ("name: shop-database, key: .", ".", "letters, digits"),
        ('name: shop-database, key: ""', '""', "letters, digits"),
    ),
    Mistake(ORDERS, "    DB_HOST: ", "    DB-HOST: ", "bad-name", "DB-HOST", "letters, digits"),
    Mistake(ORDERS, "    DB_HOST: ", "    1: ", "bad-name", "1", "begins with a letter"),
    Mistake(CUSTOMERS, "{LOG_LEVEL: info}", "[LOG_LEVEL]", "bad-value", "[LOG", "a mapping"),
    Mistake(CUSTOMERS, "{LOG_LEVEL: info}", "{LOG_LEVEL: [a]}", "bad-value", "[a]", "must be text"),
    Mistake(CUSTOMERS, "{LOG_LEVEL: info}", "{LOG_LEVEL: }", "bad-value", "}", "has no value"),
    Mistake(CUSTOMERS, "{LOG_LEVEL: info}", "", "bad-value", " ", "has no value"),
]

_TABLE = "source_table: orders"
NUMBERS = [
    Mistake(ORDERS, _TABLE, f"{_TABLE}\n    {new}", "number", at, says, level="warning")
    for new, at, says in (
        ("version: 1.10", "1.10", 'as 1.1; put it in quotes if it is a text: "1.10"'),
        ("versions: [{tool: 2.0, of: [1.50]}]", "1.50", "as 1.5"),
        ("version: 1.", "1.", "as 1.0"),
        ("version: 12345678901234567890.5", "12345678901234567890.5", "as 1.23456789012345"),
    )
]
NUMBERS.append(
    Mistake(WORKFLOW, ": sales\n", ": 3.0e2\n", "number", "3.0e2", "as 300.0", level="warning")
)

SHAPES = [
    Mistake(
        ORDERS, "key: password", "key:password", "unknown-key", "key:password", "a space after"
    ),
    Mistake(
        ORDERS, "max_attempts: 3", "max_attempts:3", "unknown-key", "max_attempts:3", "a space"
    ),
    Mistake(
        WORKFLOW,
        "    transform: [extract",
        "    transfrm: [extract",
        "unknown-job",
        "transfrm",
        '"transform"?',
    ),
    Mistake(
        LOAD, "name: load\n", "name: lod\n", "unknown-job", "lod", "but workflow.yaml and the file"
    ),
    Mistake(REPORT, "args:", "words:", "unknown-key", "words", "known are"),
    Mistake(WORKFLOW, "for_each:", "fan_out:", "unknown-key", "fan_out", "for_each"),
    Mistake(WORKFLOW, "dependencies:", "after:", "unknown-key", "after", "dependencies"),
    Mistake(TRANSFORM, "scratch:", "scrath:", "unknown-key", "scrath", '"scratch"?'),
    Mistake(
        WORKFLOW,
        "[extract-orders,",
        "[extract_order,",
        "unknown-job",
        "extract_order",
        '"extract-orders"?',
    ),
    Mistake(ORDERS, "  image: registry", "  imge: registry", "unknown-key", "imge", '"image"?'),
    Mistake(ORDERS, f"  image: {_IMAGE}\n", "", "missing-key", "name", "image: "),
    Mistake(ORDERS, "  name: extract-orders\n", "", "missing-key", "description", "name: "),
    Mistake(ORDERS, _IMAGE, '""', "bad-value", '""', "is empty"),
    Mistake(ORDERS, _IMAGE, "", "bad-value", " ", "has no value"),
    Mistake(ORDERS, _IMAGE, "5", "bad-value", "5", "must be text"),
    Mistake(ORDERS, "job:\n", "jobs:\n", "unknown-key", "jobs", '"job"?'),
    Mistake(ORDERS, "job:\n", "task:\n", "missing-key", "apiVersion", "the file has no job"),
    Mistake(
        ORDERS, "/v1", "/v2", "bad-value", "workflow-orchestration/v2", "workflow-orchestration/v1"
    ),
    Mistake(ORDERS, "apiVersion", "apiversion", "unknown-key", "apiversion", '"apiVersion"?'),
    Mistake(ORDERS, "retry:", "retries:", "unknown-key", "retries", '"retry"?'),
    Mistake(ORDERS, '["python", "-m", "sales.extract"]', "python", "bad-value", "python", "a list"),
    Mistake(ORDERS, '"python", ', '"python", [x], ', "bad-value", "[x]", "must be text"),
    Mistake(ORDERS, '"python", ', '"python", , ', "yaml", ",", "value missing"),
    Mistake(
        ORDERS, "source_table:", "source-table:", "bad-name", "source-table", "letters, digits"
    ),
    Mistake(LOAD, "name: load\n", "name: load it\n", "bad-value", "load it", "at most 63 letters"),
    Mistake(LOAD, "name: load\n", "name: -load\n", "bad-value", "-load", "begin and end"),
    Mistake(LOAD, "sales-load", "Sales", "bad-value", "Sales", "lower-case"),
    Mistake(TRANSFORM, "NoSchedule", "noschedule", "bad-value", "noschedule", "NoSchedule"),
    Mistake(
        TRANSFORM, "node_selector", "nodeSelector", "unknown-key", "nodeSelector", "node_selector"
    ),
    Mistake(TRANSFORM, "pool: batch", "pool: 1", "bad-value", "1}", "must be text"),
    Mistake(REPORT, "on_success", "sometimes", "bad-value", "sometimes", "on_success"),
    Mistake(REPORT, "cleanup: on_success", "deferrable: 1", "bad-value", "1", "true or false"),
    Mistake(REPORT, "cleanup: on_success", "labels: {a b: c}", "bad-name", "a b", "63 letters"),
    Mistake(REPORT, "cleanup: on_success", "labels: {a: b c}", "bad-value", "b c", "63 letters"),
    Mistake(
        REPORT,
        "cleanup: on_success",
        "labels: {workflow-orchestration/owner: me}",
        "label",
        "workflow-orchestration/owner",
        "remove it",
    ),
    Mistake(WORKFLOW, "workflow:\n", "workflows:\n", "unknown-key", "workflows", '"workflow"?'),
    Mistake(WORKFLOW, "deadline", "deadlin", "unknown-key", "deadlin", '"deadline"?'),
    Mistake(
        WORKFLOW, "  owner: team-sales", "  owner: Team Sales", "bad-value", "Team", "63 letters"
    ),
    Mistake(WORKFLOW, "tags: [sales,", 'tags: ["",', "bad-value", '""', "1 to 100 characters"),
    Mistake(WORKFLOW, "[sales,", f"[{'x' * 101},", "bad-value", "xxx", "1 to 100 characters"),
    Mistake(WORKFLOW, "tags: [sales, daily]", "tags: sales", "bad-value", "sales", "a list"),
    Mistake(WORKFLOW, "sales@example.com", "sales", "bad-value", "sales]", "address"),
    Mistake(WORKFLOW, "on_failure", "on_error", "unknown-key", "on_error", "on_failure"),
    Mistake(WORKFLOW, "{email: [sales@example.com]}", "{}", "bad-value", "{}", "email"),
    Mistake(WORKFLOW, "{email:", "{slack: x, email:", "unknown-key", "slack", "email, webhook"),
    Mistake(WORKFLOW, "runs: 1", "runs: 0", "bad-value", "0", "at least 1"),
    Mistake(WORKFLOW, "runs: 1", "run: 1", "unknown-key", "run", '"runs"?'),
    Mistake(WORKFLOW, "deadline: 6h", "namespace: Jobs_1", "bad-value", "Jobs_1", "lower-case"),
    Mistake(WORKFLOW, "deadline: 6h", "name: my sales", "bad-value", "my sales", "63 letters"),
]

_TOLERATION = "{key: batch, operator: Exists, effect: NoSchedule}"
PLACEMENT = [
    *_instead(
        TRANSFORM,
        _TOLERATION,
        "toleration",
        ("{key: k, operator: Exists, value: x}", "{key: k", "remove the value"),
        ("{operator: Exists, value: x}", "{operator", "remove the value"),
        ("{value: x}", "{value", "Add its key"),
        ("{operator: Equal, value: x}", "{operator", "Add its key"),
        ("{effect: NoSchedule}", "{effect", "write operator: Exists"),
        ("{}", "{}", "write operator: Exists"),
    ),
    *_instead(
        TRANSFORM,
        _TOLERATION,
        "bad-value",
        ("{key: a b}", "a b", "63 letters"),
        ('{key: "", operator: Exists}', '""', "63 letters"),
        ("{key: k, value: a b}", "a b", "63 letters"),
    ),
    *_instead(
        TRANSFORM,
        "pool: batch",
        "bad-name",
        ("the pool: batch", "the pool", "63 letters"),
        ("a..b/pool: batch", "a..b", "after a domain"),
        (f"{'a' * 254}/pool: batch", "aaa", "after a domain"),
        (f"{'a' * 64}: batch", "aaa", "63 letters"),
    ),
    *_instead(
        TRANSFORM,
        "pool: batch",
        "bad-value",
        ("pool: for batch", "for", "63 letters"),
        ("pool: batch-", "batch-", "63 letters"),
    ),
    Mistake(
        WORKFLOW,
        "timeout: 1h",
        "placement: {tolerations: [{}]}",
        "toleration",
        "{}]",
        "operator: Exists",
    ),
]

SYNTAX = [
    Mistake(
        ORDERS,
        "outputs: [files]",
        "description: |\n    all\n  outputs [files]",
        "yaml",
        "outputs",
        '"key: value"',
    ),
    Mistake(ORDERS, "command: [", "command: ", "yaml", ",", "write [a, b]"),
    Mistake(ORDERS, '"sales.extract"]', '"sales.extract"', "yaml", "[", '"[" here is not closed'),
    Mistake(ORDERS, '"{{ ds }}"', '"{{ ds }}', "yaml", '"{{', "closing quote"),
    Mistake(ORDERS, "key: password}}", "key: password}", "yaml", "{", '"{" here is not closed'),
    Mistake(ORDERS, "    DB_HOST:", "\tDB_HOST:", "yaml", "\t", "indent with spaces"),
    Mistake(
        ORDERS, "    DB_HOST:", "    DB_PASSWORD:", "duplicate-key", "DB_PASSWORD: {s", "twice"
    ),
    Mistake(ORDERS, "  image:", "  command: []\n  image:", "duplicate-key", 'command: ["', "twice"),
    Mistake(ORDERS, "Reads the orders", "Reads: the orders", "yaml", ": the", "in quotes"),
    Mistake(
        ORDERS, "  image: reg", "    image: reg", "yaml", ": reg", "indent it as the lines above"
    ),
    Mistake(ORDERS, "  image: reg", " image: reg", "yaml", "image", "indent it as they are"),
    Mistake(ORDERS, "image: reg", "image reg", "yaml", "image", '"key: value"'),
    Mistake(ORDERS, "Reads the", "@Reads the", "yaml", "@", "no value begins with @"),
    Mistake(ORDERS, "Reads the", "`Reads the", "yaml", "`", "put text in quotes"),
    Mistake(ORDERS, "Reads the", "%Reads the", "yaml", "%", "put text in quotes"),
    Mistake(ORDERS, "Reads the", "!Reads the", "yaml", "!", "write the value"),
    *_instead(
        ORDERS,
        ": orders\n",
        "yaml",
        (": !!binary b3JkZXJz\n", "!!binary", "the tag !!binary means nothing"),
        (": !!set {a, b}\n", "!!set", "write the value without a tag"),
        (": !!timestamp 2026-01-01\n", "!!timestamp", "means nothing"),
        (": !custom {a: b}\n", "!custom", "the tag !custom means nothing"),
        (": {a: [!custom a]}\n", "!custom", "means nothing"),
        (": {!custom a: b}\n", "!custom", "means nothing"),
        (": !!int one\n", "!!int", '"one" is not a whole number'),
        (": !!bool perhaps\n", "!!bool", '"perhaps" is not true or false'),
        (": !!float [1.5]\n", "!!float", "found sequence"),
        (": !!float .inf\n", "!!float", '".inf" is not a number'),
        (": 1.0e999\n", "1.0e999", '"1.0e999" is not a number: write text in quotes'),
        (": <<\n", "<<", "write text in quotes"),
    ),
    Mistake(ORDERS, "Reads the", "*Reads the", "yaml", "*", "no such anchor"),
    Mistake(ORDERS, ": orders\n", ': "\\d"\n', "yaml", "\\d", "single"),
    Mistake(
        ORDERS, "outputs: [files]", "outputs: [files]\n---\njob: {}", "yaml", "---", "another file"
    ),
    Mistake(ORDERS, "outputs: [files]", "<<: 3", "yaml", "3", "takes a mapping"),
    Mistake(ORDERS, "Reads the", "\x07Reads the", "yaml", "  desc", "character"),
    Mistake(WORKFLOW, "load: [transform]", "load: [transform", "yaml", "[transform", "not closed"),
    Mistake(WORKFLOW, "  owner:", "\towner:", "yaml", "\t", "indent with spaces"),
    Mistake(WORKFLOW, "  owner:", "  tags: []\n  owner:", "duplicate-key", "tags: [s", "twice"),
]

MISTAKES = [
    *IMAGES,
    *RESOURCES,
    *VOLUMES,
    *SCHEDULES,
    *DATES,
    *DURATIONS,
    *RETRIES,
    *DEPENDENCIES,
    *FAN_OUT,
    *TEMPLATES,
    *ENVIRONMENT,
    *NUMBERS,
    *SHAPES,
    *PLACEMENT,
    *SYNTAX,
]
