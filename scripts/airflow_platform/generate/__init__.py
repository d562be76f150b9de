"""Makes the generated files of this repository: dashboards, schema descriptions, references."""
