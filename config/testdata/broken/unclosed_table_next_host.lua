modules_enabled = {
	"roster";
	"disco";

VirtualHost "example.org"
	enabled = true
