"""`premura clv`: scores from one file of transactions, without a workspace; it stands above the rooms and uses them."""
