admins = {
	"juliet@example.org";
	romeo = "romeo@example.org";
}
VirtualHost "example.org"
