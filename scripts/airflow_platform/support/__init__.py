"""What every other package uses: errors, the cache, pinned tools, strict YAML, small helpers."""
