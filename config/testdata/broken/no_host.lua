storage = "internal"
