"""The front door: ASGI over HTTP, server-sent events and WebSockets."""
