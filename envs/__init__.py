"""The environments that come with puffer_arena, one file each; the file's name is the id."""
