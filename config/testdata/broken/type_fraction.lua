VirtualHost "example.org"
	max_archive_query_results = 2.5
