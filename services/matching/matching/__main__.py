"""`python -m matching [worker|web]`."""

from chassis.process import main
from chassis.settings import Settings
from matching.app import service

if __name__ == "__main__":
    main(service, Settings)
