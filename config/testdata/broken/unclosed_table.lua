VirtualHost "example.org"

modules_enabled = {
	"roster";
	"disco";

pidfile = "/run/tercet.pid"
