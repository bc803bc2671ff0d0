"""`python -m notifications [worker|web]`."""

from chassis.process import main
from notifications.app import service
from notifications.settings import Settings

if __name__ == "__main__":
    main(service, Settings)
