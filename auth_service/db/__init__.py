"""Storage: rows, finders, migrations."""
