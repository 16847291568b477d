"""Games in a web page: their rules compiled to WebAssembly, and a page that plays them without a server."""
