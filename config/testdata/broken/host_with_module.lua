VirtualHost "conference.example.org" "muc"
