"""Protocols of the doors: pure state machines, bytes in, events out; no socket and no await inside."""
