"""The API description as an HTML page without JavaScript, generated together with the schema."""
