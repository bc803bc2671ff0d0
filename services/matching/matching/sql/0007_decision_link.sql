-- Whether a page may show a receipt is asked for each of them: whose it is must be found by its place in the chain.

create index decision_link_place on decision_link (district, position);
