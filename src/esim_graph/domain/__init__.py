"""Plain values and rules about eSIMs: no I/O, standard library only."""
