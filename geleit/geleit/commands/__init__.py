"""The commands of `geleit`, by what they are for."""
