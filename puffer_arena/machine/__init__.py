"""All generated code in one room: marking, compiling, keeping it on disk, LLVM."""
