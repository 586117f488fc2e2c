module tercet.example/sdk

go 1.24
