modules_enable = { "roster" }
VirtualHost "example.org"
	max_archive_query_result = 20
	max_archive_query_results = 20
