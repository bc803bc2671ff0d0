select municipality, address, since from contact_point where municipality = any($1::text[])
