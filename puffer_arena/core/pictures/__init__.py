"""Pictures painted by compiled rules: what a first person sees in rooms, and what they are made of."""
