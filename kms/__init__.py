"""The core: every operation passes the gate."""
