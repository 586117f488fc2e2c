modules_enabled = {
	"roster";
	"disco"
	"ping";
}
VirtualHost "example.org"
