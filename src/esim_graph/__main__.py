"""``python -m esim_graph``."""

from esim_graph.cli import main

if __name__ == "__main__":
    main()
