"""The environments that come with puffer_arena, one file each, long ones in a folder; its name is the id."""
