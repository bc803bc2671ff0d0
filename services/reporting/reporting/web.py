"""Pages and figures."""

from fastapi import FastAPI


def create() -> FastAPI: ...
