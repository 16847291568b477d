"""What the definition of an environment must be, checked when it is made: one error names its place and remedy."""
