"""The documents as a site: what mkdocs.yml, which the generator reads, has as its hook."""
