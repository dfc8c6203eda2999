FILE_MAX = 10_000_000  # bytes of an uploaded picture
