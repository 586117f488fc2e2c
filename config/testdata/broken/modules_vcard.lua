modules_enabled = { "vcard", "vcard_legacy" }
VirtualHost "example.org"
