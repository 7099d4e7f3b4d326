"""What a back end is told of, and asked: by HTTP, signed."""
