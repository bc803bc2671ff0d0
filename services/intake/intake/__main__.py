"""`python -m intake [worker|web]`."""

from chassis.process import main
from intake.app import service
from intake.settings import Settings

if __name__ == "__main__":
    main(service, Settings)
