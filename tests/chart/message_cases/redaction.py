"""What is refused about redaction."""

from .case import task_logs

CASES = {
    "a misspelt pattern is switched off": task_logs(
        'global.taskLogs.redaction.disabledPatterns: redaction has no pattern "cookie", did you'
        " mean cookies?",
        redaction={"disabledPatterns": ["url-passwords", "cookie"]},
    ),
    "a pattern that there is not is switched off": task_logs(
        'global.taskLogs.redaction.disabledPatterns: redaction has no pattern "xx"\n',
        redaction={"disabledPatterns": ["xx"]},
    ),
    "a pattern has the name of one of ours": task_logs(
        'global.taskLogs.redaction.patterns: redaction has a pattern "cookies" already.',
        redaction={"patterns": {"cookies": "C-[0-9]{8}"}},
    ),
}
