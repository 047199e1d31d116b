"""The eSIM Go API v2.4, as vendors page 003 and upstreams §3, §7.3 describe it."""
