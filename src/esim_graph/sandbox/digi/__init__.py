"""Digi Remote Manager, ``/ws/v1/esim_profiles``, as vendors page 001 and upstreams §1, §7.1 describe it."""
