"""`python -m matching [worker|web]`."""

from chassis.service import main
from matching.app import service
from matching.settings import Settings

if __name__ == "__main__":
    main(service, Settings)
