"""The replay viewer: a timeline under the window's stage."""
