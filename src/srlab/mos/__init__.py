"""A rating study with real people: exported by evaluate.py, rated in a browser, reported as mean opinion scores."""
