stroage = "internal"
VirtualHost "example.org" {
	admin = { "juliet@example.org" };
	allow_registrations = false;
}
Component "chat.example.org" "muc" {
	max_archive_query_resluts = 20;
}
