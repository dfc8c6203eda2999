"""The API's description as a page for people: made from the same schema, at the same time, as text without script."""
