"""esim-graph: one GraphQL graph about an eSIM that three vendors know."""

__version__ = "0.1.0"
