"""Compare entity tags of conditional requests (RFC 9110, section 13.1.2)."""


def matches(if_none_match: str | None, etag: str) -> bool:
    """Return whether the header If-None-Match names this tag, quoted as in the header ETag.

    The comparison is weak: `W/` is ignored. `*` matches every tag. Tags with commas are not used.
    """
    if if_none_match is None:
        return False
    tags = [tag.strip() for tag in if_none_match.split(",")]
    return "*" in tags or etag in [tag.removeprefix("W/") for tag in tags]
