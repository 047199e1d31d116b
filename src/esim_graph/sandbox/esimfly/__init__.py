"""The eSIMfly business API, as vendors page 002 and upstreams §2, §7.2 describe it."""
