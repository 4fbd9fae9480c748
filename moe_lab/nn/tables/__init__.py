"""Networks for tables, and their training."""
