"""What a call cost and what a dollar was worth: dated prices and rates, pure and offline."""
