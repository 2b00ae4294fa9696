"""Tells who has to know: rules, sentences, and each notice once, by e-mail, webhook or file."""
