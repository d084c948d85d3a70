"""Networks, an optimizer and a kind of data sets for the workflow of the critical batch size."""
