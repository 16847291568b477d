"""Rows that are kept: snapshots, and the past that brings physics back."""
