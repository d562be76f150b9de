"""From values to manifests: Helm, the charts that it is given, and the cache of renders."""
