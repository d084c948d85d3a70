"""The tables that stages hand to each other: a module per stage with their columns.

`contract` says what a table is; `every` lists all of them. Scripts import those of their own
stages, so that a column of one stage makes no other run again.
"""
