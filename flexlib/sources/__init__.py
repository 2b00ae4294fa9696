"""Where records come from: one room a source, bytes in, records out; they know neither the store nor each other."""
