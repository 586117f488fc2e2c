local function periods(n)
	return { keep = n .. " moons" }
end
VirtualHost "example.org"
	archive_expires_after =
		periods(5).keep
