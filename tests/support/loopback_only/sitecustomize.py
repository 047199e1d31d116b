"""Puts the guard into every Python process that a test starts: Python imports a module of this name at its start.

``tests/conftest.py`` puts this folder on ``PYTHONPATH``.
"""

import loopback_guard  # noqa: F401
