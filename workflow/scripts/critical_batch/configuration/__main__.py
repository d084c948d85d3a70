"""Writes the schema for editors.

PYTHONPATH=workflow/scripts python -m critical_batch.configuration
"""

from . import SCHEMA_FILE, schema_text

SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
