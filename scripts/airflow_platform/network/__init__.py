"""Who needs to connect to whom in a release, and whom its NetworkPolicies let."""
