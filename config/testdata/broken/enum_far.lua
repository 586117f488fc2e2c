VirtualHost "example.org"
	authentication = "ldap2"
