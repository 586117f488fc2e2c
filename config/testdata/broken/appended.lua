admins = { "juliet@example.org" }
admins:append {
	"romeo@example.org",
	{ },
}
VirtualHost "example.org"
