"""The client side of a model: its data, its training, its package and its place in the registry."""
