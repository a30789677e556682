"""A child that is ready only after a while."""

import signal

signal.pause()
