"""Reading and trying rules before they compile, and explaining what is wrong."""
