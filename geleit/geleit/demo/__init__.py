"""The demo: a week like that of 14 March 2022 on real parts, with invented people."""
