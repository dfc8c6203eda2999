"""Row factories, one module per noun. Tests pass only the values that they are about."""
