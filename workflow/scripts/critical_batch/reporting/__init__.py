"""What people read: figures, pages, Table 3 in words, captions, where a workflow stands."""
