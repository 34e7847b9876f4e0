"""One JSON object a line, so that logs can be searched by request."""

import json
import logging
from datetime import UTC, datetime

from .middleware import request_id

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request", "server_time", "taskName"}


class JsonFormatter(logging.Formatter):
    """Write time, level, logger, message, the request's id, and whatever `extra` names."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **{name: value for name, value in vars(record).items() if name not in STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(
            {name: value for name, value in line.items() if value not in (None, "")}, default=str, ensure_ascii=False
        )
