"""Makers of rows, one module for each noun. Whoever needs a row asks here, and names only what the test is about."""
