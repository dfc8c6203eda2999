"""The index of the rooms' models; Django looks for them here."""
