"""The pages around the reports, made from what the reports say of themselves. Each module: pages in, {path: Markdown} out."""
