"""`python -m reporting [worker|web]`."""

from chassis.service import main
from reporting.app import service
from reporting.settings import Settings

if __name__ == "__main__":
    main(service, Settings)
