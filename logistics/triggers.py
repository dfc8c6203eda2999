import pgtrigger


def never_truncated(name: str) -> pgtrigger.Trigger:
    """Refuse TRUNCATE, which row-level triggers do not catch."""
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
    )
