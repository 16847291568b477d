"""Networks: encoders, recurrent layers, heads, and the policy made of them."""
