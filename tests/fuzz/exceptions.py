"""The checks of schemathesis that are off, each with its reason."""

# By the name of the check; off for all operations.
EXCLUDED = {
    "positive_data_acceptance": "a right request may still be refused: by the row's state, its version, a code that is"
    " not in a list, a text that papers cannot print; each refusal has a test of its own",
}
