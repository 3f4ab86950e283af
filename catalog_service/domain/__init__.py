"""Rules of the catalog: values in, values out. No I/O, no framework."""
