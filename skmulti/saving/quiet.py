"""Silence loggers of others while they report what nobody can act on."""

import logging
from contextlib import contextmanager


@contextmanager
def quiet(*names):
    """Log only errors of these loggers within the context."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
