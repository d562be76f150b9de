"""What the task log sidecar costs, and what it is worth."""
