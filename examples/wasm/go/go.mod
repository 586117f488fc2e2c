module example.org/filter

go 1.24

require tercet.example/sdk v0.0.0

replace tercet.example/sdk => ../../../sdk/go
