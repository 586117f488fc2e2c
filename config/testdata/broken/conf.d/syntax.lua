-- the second line is broken
storage = = "internal"
