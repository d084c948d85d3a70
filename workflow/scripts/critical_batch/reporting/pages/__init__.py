"""Pages of the report: what was found, in words and in tables that open anywhere."""
