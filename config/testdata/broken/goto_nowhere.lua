VirtualHost "example.org"
goto done
