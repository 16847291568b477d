"""Who steps rows beside the caller: threads and processes."""
