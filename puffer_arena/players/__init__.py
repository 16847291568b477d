"""Who acts in which seat, and how well."""
