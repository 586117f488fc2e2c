admins = {
	"juliet@example.org";
	"romeo@example.org";
	{ "nurse@example.org" };
}
VirtualHost "example.org"
