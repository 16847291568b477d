"""How policies act and how losses are differentiated."""
