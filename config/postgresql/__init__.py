"""Django's database backend, with a cheaper check of pooled connections."""
